/**
 * Threat: a thread in a system call that does not return (or in V8, where it never looks whether it was told to end) can neither
 * serve nor be ended; its share of the connections would hang until somebody notices. Only the end of the process helps, and
 * Node's own exit waits for the thread (reference E4).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { ingress } from '../../support/manifests.ts';

it('E4: a worker that cannot be ended ends the process, not ready before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-blocked-'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const preload = new URL('../../support/blocked-thread.ts', import.meta.url).href;
  const chain = await Chain.start({ env: { NODE_OPTIONS: `--import=${preload}`, BLOCK_ON: pipe } });
  try {
    chain.apply(ingress('app', 'app.test Prefix / control'));
    await chain.sluice.logged('worker can neither serve nor be ended');
    await chain.sluice.logged('shutting down: not ready, still serving');
    await chain.sluice.exited;
    expect(chain.sluice.process.signalCode).toBe('SIGKILL');
  } finally {
    await chain.close();
    rmSync(folder, { recursive: true });
  }
});
