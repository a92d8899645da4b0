import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFiles } from '../../src/observe/log-files.ts';
import { LogFile } from '../support/access-log.ts';
import { eventually } from '../support/eventually.ts';

let file: LogFile;
let now: number;
let dropped: number;
let problems: [string, string][];
let files: LogFiles;

beforeEach(() => {
  file = new LogFile();
  now = 0;
  dropped = 0;
  problems = [];
  files = new LogFiles(
    (lines) => (dropped += lines),
    (path, message) => problems.push([path, message]),
    () => now,
  );
});

afterEach(async () => {
  await files.close();
  file.close();
});

/** Writes a line and waits for it. */
async function write(line: string, path = file.path): Promise<void> {
  const log = files.get(path);
  log.add(line);
  await log.close();
}

describe('a log in a file', () => {
  it('is appended to', async () => {
    await write('one');
    await write('two');
    expect(file.lines()).toEqual(['one', 'two']);
    await files.close();
    files = new LogFiles(
      () => undefined,
      () => undefined,
    );
    await write('three');
    expect(file.lines()).toEqual(['one', 'two', 'three']);
  });

  it('is opened again when it was moved away, after a moment', async () => {
    await write('one');
    renameSync(file.path, `${file.path}.1`);
    await write('two');
    now += 5000;
    await write('three');
    expect(readFileSync(`${file.path}.1`, 'latin1')).toBe('one\ntwo\n');
    expect(file.lines()).toEqual(['three']);
  });

  it('and when another is in its place', async () => {
    await write('one');
    rmSync(file.path);
    now += 5000;
    await write('two');
    expect(file.lines()).toEqual(['two']);
  });

  it('is one log for one path, and another for another', async () => {
    expect(files.get(file.path)).toBe(files.get(file.path));
    const other = join(file.folder, 'other.log');
    expect(files.get(other)).not.toBe(files.get(file.path));
    expect(files.get('/var/log/nginx/access.log')).toBe(files.get('/dev/stdout'));
    expect(files.get('/dev/stderr')).not.toBe(files.get('/dev/stdout'));
  });

  it('that cannot be opened costs its lines, and is told once until it can', async () => {
    const path = join(file.folder, 'missing', 'access.log');
    await write('one', path);
    await write('two', path);
    expect(dropped).toBe(2);
    expect(problems).toHaveLength(1);
    expect(problems[0]![0]).toBe(path);
    expect(problems[0]![1]).toContain('ENOENT');
  });

  it('that is a folder costs its lines', async () => {
    await write('one', file.folder);
    expect(dropped).toBe(1);
    expect(problems[0]![1]).toContain('EISDIR');
  });

  it('is let go when it is not kept, with what it was given', async () => {
    const log = files.get(file.path);
    log.add('one');
    files.keep([]);
    await eventually(() => existsSync(file.path) && file.lines().length === 1);
    expect(files.get(file.path)).not.toBe(log);
    files.keep([file.path]);
    expect(files.get(file.path)).toBe(files.get(file.path));
  });
});
