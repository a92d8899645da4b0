/** http-proxy as the subject of security cases. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accepts } from '../../support/ports.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';
import { securityBackend } from '../support/backend.ts';
import type { Subject } from '../support/case.ts';

const PROGRAM = new URL('http-proxy-process.ts', import.meta.url).pathname;

export interface BaselineSubject extends Subject {
  /** True if a case has ended its process. */
  readonly died: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Starts http-proxy in front of a backend of its own. */
export async function baselineSubject(): Promise<BaselineSubject> {
  const backend = await securityBackend();
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, String(backend.port)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const [printed] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(printed.toString());
  return {
    strict: false,
    backend,
    connect: () => RawClient.connect(port),
    alive: async () => {
      const { status } = await exchange(port, 'GET /alive HTTP/1.1\r\nHost: app.example\r\n\r\n');
      assert.equal(status, 200);
    },
    died: async () => {
      if (await accepts(port)) return false;
      await exited;
      return true;
    },
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await backend.close();
    },
  };
}
