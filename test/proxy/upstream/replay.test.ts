import { expect, it } from 'vitest';
import { Replay } from '../../../src/proxy/upstream/replay.ts';

const LIMIT = 65_536;

/** What would be sent again, as Latin-1. */
function kept(replay: Replay): string {
  let sent = '';
  replay.sendTo({ sendData: (bytes, start, end) => void (sent += bytes.toString('latin1', start, end)) });
  return sent;
}

function addBytes(replay: Replay, bytes: Buffer): void {
  replay.add(bytes, 0, bytes.length);
}

it('what was sent can be sent again up to 64 KiB, however it came; beyond, nothing of it is kept', () => {
  const replay = new Replay();
  replay.open(LIMIT);
  addBytes(replay, Buffer.from('a'.repeat(LIMIT - 3)));
  addBytes(replay, Buffer.from([0xff, 0x00, 0x80]));
  expect(replay.complete).toBe(true);
  expect(kept(replay)).toBe(`${'a'.repeat(LIMIT - 3)}\u00ff\u0000\u0080`);
  addBytes(replay, Buffer.from('b'));
  expect([replay.complete, kept(replay)]).toEqual([false, '']);
  // A part that would fit again does not make it whole.
  addBytes(replay, Buffer.from('c'));
  expect([replay.complete, kept(replay)]).toEqual([false, '']);
  replay.close();
  replay.open(LIMIT);
  expect(replay.complete).toBe(true);
  addBytes(replay, Buffer.alloc(LIMIT + 1));
  expect([replay.complete, kept(replay)]).toEqual([false, '']);
});

it('what it keeps is a copy', () => {
  const replay = new Replay();
  replay.open(LIMIT);
  const bytes = Buffer.from('abcdef');
  replay.add(bytes, 1, 3);
  replay.add(bytes, 5, 6);
  bytes.fill('x');
  expect(kept(replay)).toBe('bcf');
});

it('what is sent once nothing will be sent again is not kept', () => {
  const replay = new Replay();
  replay.open(LIMIT);
  addBytes(replay, Buffer.from('a'));
  replay.close();
  addBytes(replay, Buffer.from('b'));
  addBytes(replay, Buffer.from('c'));
  expect(kept(replay)).toBe('');
});
