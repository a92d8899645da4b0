import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Sluice } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';

const SRC = new URL('../../src', import.meta.url).pathname;
const FILL = new URL('../../build/compile-cache.ts', import.meta.url).pathname;
const DEMO = new URL('../../examples/demo', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'sluice-compiled-'));
const cache = join(scratch, 'cache');
const NODE_COMPILE_CACHE = cache;

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it('fills the cache with all that a running Sluice loads, its workers included', async () => {
  execFileSync(process.execPath, [FILL], { env: { ...process.env, NODE_COMPILE_CACHE } });
  cpSync(DEMO, join(scratch, 'demo'), { recursive: true });
  const sluice = new Sluice(
    ['dev', join(scratch, 'demo'), '--http-port=0', '--https-port=0', '--admin-port=0', '--api-port=0'],
    { NODE_COMPILE_CACHE, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
  );
  try {
    await eventually(() => {
      if (sluice.process.exitCode !== null) throw new Error(sluice.stderr);
      return sluice.stdout.includes('Ctrl-C ends it.');
    });
    sluice.signal('SIGTERM');
    expect(await sluice.exited).toBe(0);
  } finally {
    await sluice.kill();
  }
  // Its threads write at the same time, so that lines may be torn; what it adds to the cache it says when only one is left.
  const lines = `${sluice.stdout}${sluice.stderr}`.split('\n').filter((line) => line.includes(SRC));
  expect(lines.some((line) => line.includes('reading cache') && line.includes('worker.ts'))).toBe(true);
  expect(lines.filter((line) => line.includes('writing cache'))).toEqual([]);
});

it('says so when there is nothing to fill', () => {
  const env = { ...process.env, NODE_COMPILE_CACHE: undefined };
  expect(() => execFileSync(process.execPath, [FILL], { env, stdio: 'pipe' })).toThrow(
    'NODE_COMPILE_CACHE must name the directory to fill',
  );
});
