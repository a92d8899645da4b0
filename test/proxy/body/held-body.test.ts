import fs from 'node:fs';
import os from 'node:os';
import { expect, it } from 'vitest';
import { HeldBody } from '../../../src/proxy/body/held-body.ts';
import { TempFiles } from '../../../src/proxy/body/temp-files.ts';
import type { UpstreamStream } from '../../../src/proxy/upstream/stream.ts';
import { eventually } from '../../support/eventually.ts';

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

it('what is read late for an endpoint that failed is not sent to the next one', async () => {
  /** Calls of the system that have not returned, in order. */
  const reads: (() => void)[] = [];
  const read = ((...all: Parameters<typeof fs.read>) => void reads.push(() => fs.read(...all))) as typeof fs.read;
  const files = new TempFiles(
    {
      limits: () => ({ tempFolder: os.tmpdir(), maxTempSize: 1_000_000 }),
      onFailed: (error) => expect.unreachable(String(error)),
      onBug: (error) => expect.unreachable(String(error)),
      deadlines: { tick: () => undefined },
    },
    { ...fs, read },
  );
  let done = 0;
  const body = new HeldBody(
    { onBodyRoom: () => undefined, onBodySent: () => done++, onBodyLost: () => expect.unreachable('lost') },
    files,
  );
  body.begin(10, true);
  const text = 'abcdefghij'.repeat(20_000);
  body.add(Buffer.from(text), 0, text.length);
  const sent = ['', ''];
  const upstream = (which: number): UpstreamStream =>
    ({
      blocked: false,
      sendData: (bytes: Buffer, start: number, end: number) => (sent[which] += bytes.toString('latin1', start, end)),
    }) as never;
  // Until it is written, it is sent from memory.
  await eventually(() => {
    body.sendTo(upstream(0));
    return reads.length > 0;
  });
  sent[0] = '';
  expect(body.sendTo(upstream(1))).toBe(false);
  await eventually(() => {
    for (const returns of reads.splice(0)) returns();
    return done > 0 && sent[1]!.length >= text.length;
  });
  expect([sent[0], sent[1] === text, done]).toEqual(['', true, expect.any(Number)]);
  body.close();
  await eventually(() => files.files === 0);
});
