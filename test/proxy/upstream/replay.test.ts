import { expect, it } from 'vitest';
import { Replay } from '../../../src/proxy/upstream/replay.ts';

const LIMIT = 65_536;

it('what was sent can be sent again up to 64 KiB, however it came; beyond, nothing of it is kept', () => {
  const replay = new Replay();
  replay.open();
  replay.addText('a'.repeat(LIMIT - 3));
  replay.addBytes(Buffer.from([0xff, 0x00, 0x80]));
  expect(replay.complete).toBe(true);
  expect(replay.text.length).toBe(LIMIT);
  expect(replay.text.slice(-3)).toBe('\u00ff\u0000\u0080');
  replay.addText('b');
  expect([replay.complete, replay.text]).toEqual([false, '']);
  // A part that would fit again does not make it whole.
  replay.addText('c');
  expect([replay.complete, replay.text]).toEqual([false, '']);
  replay.open();
  expect(replay.complete).toBe(true);
  replay.addBytes(Buffer.alloc(LIMIT + 1));
  expect([replay.complete, replay.text]).toEqual([false, '']);
});

it('what is sent once nothing will be sent again is not kept', () => {
  const replay = new Replay();
  replay.open();
  replay.addText('a');
  replay.close();
  replay.addText('b');
  replay.addBytes(Buffer.from('c'));
  expect(replay.text).toBe('');
});
