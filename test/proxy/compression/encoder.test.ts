/** One body on its way through a coder that works when the test says so. */
import { Transform, type TransformCallback } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Coder } from '../../../src/proxy/compression/coders.ts';
import { Encoder, type EncoderHandler } from '../../../src/proxy/compression/encoder.ts';
import { Deadlines } from '../../../src/proxy/deadlines.ts';
import { eventually } from '../../support/eventually.ts';

/** A flush comes out as a bar. */
class ManualCoder extends Transform {
  /** What it was given to do, in order: bytes, or the kind of a flush. */
  readonly given: string[] = [];
  #work: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 16 });
  }

  get idle(): boolean {
    return this.#work === null;
  }

  /** Does what it was given last. */
  async work(): Promise<void> {
    await eventually(() => !this.idle);
    const work = this.#work!;
    this.#work = null;
    work();
    await new Promise(setImmediate);
  }

  override _transform(bytes: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.given.push(bytes.toString('latin1'));
    this.#work = () => done(null, bytes);
  }

  override _flush(done: TransformCallback): void {
    this.given.push('end');
    this.#work = () => done();
  }

  flush(kind: number, done: () => void): void {
    this.given.push(`flush ${kind}`);
    this.#work = () => {
      this.push('|');
      done();
    };
  }
}

const deadlines = new Deadlines();
let coder: ManualCoder;
let encoder: Encoder;
let log: string[];
let closed: { count: number };
/** Thrown when the client is sent something. */
let thrown: Error | null;

beforeEach(() => {
  coder = new ManualCoder();
  log = [];
  const ours = { count: 0 };
  closed = ours;
  thrown = null;
  const handler: EncoderHandler = {
    out: {
      sendData: (bytes, start, end) => {
        if (thrown !== null) throw thrown;
        log.push(bytes.toString('latin1', start, end));
      },
      onBug: (error) => log.push(String(error)),
    },
    onEncoderDrain: () => log.push('drain'),
    onEncoderEnd: (trailers) => log.push(`end ${trailers}`),
  };
  encoder = new Encoder(coder as unknown as Coder, 7, deadlines, handler, () => ours.count++);
});

afterEach(() => {
  encoder.destroy();
  deadlines.close();
});

function write(text: string): boolean {
  const bytes = Buffer.from(`..${text}..`, 'latin1');
  const more = encoder.write(bytes, 2, bytes.length - 2);
  // It may change after the call.
  bytes.fill(0);
  return more;
}

describe('an encoder', () => {
  it('makes one turn of the pieces of one read, and of those that come while the coder works', async () => {
    for (const piece of ['a', 'b', 'c']) write(piece);
    await Promise.resolve();
    for (const piece of ['d', 'e']) write(piece);
    await coder.work();
    expect(coder.given).toEqual(['abc', 'de']);
    await coder.work();
    expect(log).toEqual(['abc', 'de']);
  });

  it('flushes once, when nothing waits', async () => {
    write('a');
    await coder.work();
    expect(coder.given).toEqual(['a', 'flush 7']);
    write('b');
    await coder.work();
    expect(coder.given).toEqual(['a', 'flush 7', 'b']);
    await coder.work();
    await coder.work();
    expect([coder.given.length, coder.idle, log.join('')]).toEqual([4, true, 'a|b|']);
  });

  it('does not flush what is complete, and says when all of it was handed over', async () => {
    write('a');
    encoder.end('T: 1\r\n');
    await coder.work();
    expect([coder.given, log]).toEqual([['a', 'end'], ['a']]);
    await coder.work();
    expect(log).toEqual(['a', 'end T: 1\r\n']);
    await eventually(() => closed.count === 1);
  });

  it('ends while the coder works, and without a byte', async () => {
    write('a');
    await Promise.resolve();
    write('b');
    encoder.end('');
    await coder.work();
    await coder.work();
    await coder.work();
    expect([coder.given, log]).toEqual([
      ['a', 'b', 'end'],
      ['a', 'b', 'end '],
    ]);
  });

  it('ends without a byte', async () => {
    encoder.end('');
    await coder.work();
    expect([coder.given, log]).toEqual([['end'], ['end ']]);
  });

  it('is full with 16 KiB behind a turn, and drains once when that is over', async () => {
    expect(write('x'.repeat(100_000))).toBe(true);
    await Promise.resolve();
    expect(write('y'.repeat(16_383))).toBe(true);
    expect(write('z')).toBe(false);
    expect(write('z')).toBe(false);
    expect(encoder.resume()).toBe(false);
    await coder.work();
    expect(log.filter((entry) => entry === 'drain')).toHaveLength(1);
    expect(encoder.resume()).toBe(true);
    expect(write('z')).toBe(true);
  });

  it('hands over nothing while it is paused, and does not drain then', async () => {
    write('x'.repeat(20));
    await coder.work();
    expect(log).toEqual(['x'.repeat(20)]);
    encoder.pause();
    await coder.work();
    for (let i = 0; i < 3; i++) {
      write('y'.repeat(20_000));
      await Promise.resolve();
    }
    expect(write('y')).toBe(false);
    await coder.work();
    // More than its output holds: the coder waits too.
    expect([coder.idle, log.length]).toEqual([true, 1]);
    encoder.resume();
    await eventually(() => log.join('').length > 20_000);
    await coder.work();
    await eventually(() => log.join('').includes('y'.repeat(60_001)));
  });

  it('says nothing more when it was destroyed, in the middle of a turn too', async () => {
    write('a');
    await Promise.resolve();
    write('b');
    encoder.destroy();
    encoder.end('');
    await eventually(() => closed.count === 1);
    await new Promise(setImmediate);
    expect([coder.given, log]).toEqual([['a'], []]);
  });

  it('that fails says so once', async () => {
    write('a');
    await Promise.resolve();
    coder.destroy(new Error('broken'));
    await eventually(() => closed.count === 1);
    write('b');
    await new Promise(setImmediate);
    expect(log).toEqual(['Error: broken']);
  });

  it('reports what the client side throws, and ends', async () => {
    thrown = new Error('bug');
    write('a');
    await coder.work();
    await eventually(() => closed.count === 1);
    expect(log).toEqual(['Error: bug']);
  });
});
