import { expect, it } from 'vitest';
import { HeldBody } from '../../../src/proxy/body/held-body.ts';
import { TempFiles } from '../../../src/proxy/body/temp-files.ts';
import type { UpstreamStream } from '../../../src/proxy/upstream/stream.ts';

const LIMIT = 65_536;

/** A body of which only the beginning is held. */
function streamed(): HeldBody {
  const fail = (): never => {
    throw new Error('it needs no file');
  };
  const files = new TempFiles({ limits: fail, onFailed: fail, onBug: fail, deadlines: { tick: fail } });
  const body = new HeldBody({ onBodyRoom: fail, onBodySent: fail, onBodyLost: fail }, files);
  body.begin(LIMIT, false);
  return body;
}

/** What would be sent again, as Latin-1. */
function kept(body: HeldBody): string {
  let sent = '';
  const upstream: Pick<UpstreamStream, 'sendData'> = {
    sendData: (bytes, start, end) => void (sent += bytes.toString('latin1', start, end)),
  };
  expect(body.sendTo(upstream as UpstreamStream)).toBe(true);
  return sent;
}

function addBytes(body: HeldBody, bytes: Buffer): void {
  expect(body.add(bytes, 0, bytes.length)).toBe('taken');
}

it('what was sent can be sent again up to 64 KiB, however it came; beyond, nothing of it is kept', () => {
  const body = streamed();
  addBytes(body, Buffer.from('a'.repeat(LIMIT - 3)));
  addBytes(body, Buffer.from([0xff, 0x00, 0x80]));
  expect(body.complete).toBe(true);
  expect(kept(body)).toBe(`${'a'.repeat(LIMIT - 3)}\u00ff\u0000\u0080`);
  addBytes(body, Buffer.from('b'));
  expect([body.complete, kept(body)]).toEqual([false, '']);
  // A part that would fit again does not make it whole.
  addBytes(body, Buffer.from('c'));
  expect([body.complete, kept(body)]).toEqual([false, '']);
  body.close();
  expect(body.complete).toBe(true);
  body.begin(LIMIT, false);
  addBytes(body, Buffer.alloc(LIMIT + 1));
  expect([body.complete, kept(body)]).toEqual([false, '']);
  // A request without a body, after one whose body was too large.
  body.close();
  expect([body.complete, kept(body)]).toEqual([true, '']);
});

it('what it keeps is a copy', () => {
  const body = streamed();
  const bytes = Buffer.from('abcdef');
  body.add(bytes, 1, 3);
  body.add(bytes, 5, 6);
  bytes.fill('x');
  expect(kept(body)).toBe('bcf');
});

it('what is sent once nothing will be sent again is not kept', () => {
  const body = streamed();
  addBytes(body, Buffer.from('a'));
  body.settle();
  addBytes(body, Buffer.from('b'));
  addBytes(body, Buffer.from('c'));
  expect(kept(body)).toBe('');
});
