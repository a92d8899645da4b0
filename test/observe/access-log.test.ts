import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccessLog } from '../../src/observe/access-log.ts';

let written: string[];
/** Ends the write in flight; null when there is none. */
let finish: ((error: Error | null) => void) | null;
let dropped: number;
let log: AccessLog;

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  finish = null;
  dropped = 0;
  log = new AccessLog(
    (text, done) => {
      // One write at a time: lines of two could mix.
      expect(finish).toBeNull();
      written.push(text);
      finish = (error) => {
        finish = null;
        done(error);
      };
    },
    (lines) => (dropped += lines),
  );
});

afterEach(() => {
  vi.useRealTimers();
});

function done(error: Error | null = null): void {
  expect(finish).not.toBeNull();
  finish!(error);
}

describe('the access log', () => {
  it('writes lines together, after a moment', () => {
    log.add('one');
    log.add('two');
    expect(written).toEqual([]);
    vi.advanceTimersByTime(199);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual(['one\ntwo\n']);
    done();
    vi.advanceTimersByTime(1000);
    expect(written).toHaveLength(1);
    log.add('three');
    vi.advanceTimersByTime(200);
    expect(written[1]).toBe('three\n');
  });

  it('writes at once when there is much', () => {
    const line = 'x'.repeat(1023);
    for (let i = 0; i < 15; i++) log.add(line);
    expect(written).toEqual([]);
    log.add(line);
    expect(written).toEqual([`${line}\n`.repeat(16)]);
  });

  it('gathers lines while a write is in flight, and writes them after it', () => {
    log.add('one');
    log.flush();
    log.add('two');
    log.add('three');
    log.flush();
    vi.advanceTimersByTime(1000);
    expect(written).toEqual(['one\n']);
    done();
    expect(written).toEqual(['one\n', 'two\nthree\n']);
  });

  it('drops and counts lines when nobody reads, and goes on when somebody does', () => {
    log.add('first');
    log.flush();
    const line = 'y'.repeat(1023);
    for (let i = 0; i < 1024; i++) log.add(line);
    expect(dropped).toBe(0);
    for (let i = 0; i < 7; i++) log.add(line);
    expect(dropped).toBe(7);
    done();
    expect(written[1] === `${line}\n`.repeat(1024)).toBe(true);
    done();
    log.add('again');
    log.flush();
    expect(written[2]).toBe('again\n');
    expect(dropped).toBe(7);
  });

  it('loses and repeats nothing otherwise', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${i} ${'z'.repeat(i % 97)}`);
    for (const [i, line] of lines.entries()) {
      log.add(line);
      if (i % 700 === 0) finish?.(null);
      if (i % 900 === 0) vi.advanceTimersByTime(200);
    }
    const closed = log.close();
    while (finish !== null) done();
    await closed;
    expect(written.join('').split('\n').slice(0, -1)).toEqual(lines);
    expect(dropped).toBe(0);
  });

  it('counts what a write that failed has lost, and goes on', () => {
    log.add('lost');
    log.add('lost too');
    log.flush();
    log.add('next');
    done(new Error('ENOSPC'));
    expect(written).toEqual(['lost\nlost too\n', 'next\n']);
    expect(dropped).toBe(2);
  });

  it('does not wait for ever at the end when nobody reads', async () => {
    log.add('one');
    const closing = log.close();
    vi.advanceTimersByTime(1000);
    await closing;
    expect(finish).not.toBeNull();
  });

  it('closes when all is written, what came during a write too', async () => {
    log.add('one');
    log.flush();
    log.add('two');
    let closed = false;
    const closing = log.close().then(() => (closed = true));
    done();
    await Promise.resolve();
    expect([closed, written]).toEqual([false, ['one\n', 'two\n']]);
    done();
    await closing;
    await log.close();
  });
});
