/** Lines to standard error while its reader is slow, gone, or a full disk. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ErrorLines } from '../../src/observe/standard-streams.ts';

let written: string;
/** Bytes the reader still takes; or the code of the error it gives. */
let room: number | string;
let lines: ErrorLines;

beforeEach(() => {
  vi.useFakeTimers();
  written = '';
  room = Infinity;
  lines = new ErrorLines((bytes) => {
    if (typeof room === 'string') throw Object.assign(new Error(room), { code: room });
    if (room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    const taken = bytes.subarray(0, room);
    room -= taken.length;
    written += taken.toString();
    return taken.length;
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('lines to standard error', () => {
  it('are written at once', () => {
    lines.write('one\n');
    expect(written).toBe('one\n');
    lines.write('twö\n');
    expect(written).toBe('one\ntwö\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('wait for a slow reader, in order and whole', () => {
    room = 5;
    lines.write('one\n');
    lines.write('two\n');
    lines.write('three\n');
    expect(written).toBe('one\nt');
    vi.advanceTimersByTime(1000);
    room = Infinity;
    vi.advanceTimersByTime(50);
    expect(written).toBe('one\ntwo\nthree\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are dropped beyond a mebibyte, counted, and the count told to whoever reads again', () => {
    room = 0;
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 1030; i++) lines.write(line);
    room = Infinity;
    lines.flush();
    const got = written.split('\n').slice(0, -1);
    expect(got).toHaveLength(1025);
    expect(JSON.parse(got[1024]!)).toMatchObject({ level: 'warn', dropped: 6, message: 'log lines were dropped' });
    lines.write('after\n');
    expect(written.endsWith('}\nafter\n')).toBe(true);
  });

  it.each(['EPIPE', 'ENOSPC', 'EIO'])('are dropped and counted with %s, and the next is tried', (code) => {
    room = code;
    lines.write('one\n');
    lines.write('two\n');
    expect(vi.getTimerCount()).toBe(0);
    room = Infinity;
    lines.write('three\n');
    const [first, second] = written.split('\n');
    expect(first).toBe('three');
    expect(JSON.parse(second!)).toMatchObject({ dropped: 2 });
  });
});
