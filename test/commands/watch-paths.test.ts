import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchPaths } from '../../src/commands/watch-paths.ts';
import { createLogger, SILENT_LOG } from '../../src/observe/log.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let stop = (): void => {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'));
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

function count(...paths: string[]) {
  const calls = { count: 0 };
  stop = watchPaths(paths, () => calls.count++, SILENT_LOG);
  return calls;
}

describe('watchPaths', () => {
  it('notices a new file in a directory below', async () => {
    mkdirSync(join(folder, 'below'));
    const calls = count(folder);
    writeFileSync(join(folder, 'below', 'a.yaml'), 'a: 1');
    await eventually(() => calls.count > 0);
    expect(calls.count).toBe(1);
  });

  it('notices that a file is replaced, and again after that', async () => {
    const file = join(folder, 'a.yaml');
    writeFileSync(file, 'a: 1');
    const calls = count(file);
    for (const turn of [1, 2]) {
      writeFileSync(join(folder, 'a.yaml.tmp'), `a: ${turn}`);
      renameSync(join(folder, 'a.yaml.tmp'), file);
      await eventually(() => calls.count >= turn);
    }
    expect(calls.count).toBe(2);
  });

  it('says so when a path cannot be watched', () => {
    const lines: string[] = [];
    stop = watchPaths([join(folder, 'nothing')], () => {}, createLogger('warn', { write: (line) => lines.push(line) }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('nothing');
  });
});
