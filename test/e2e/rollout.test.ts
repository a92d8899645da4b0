/** Changes of the cluster under load, through the whole chain: no request may fail. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sluice } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { Load } from '../support/load.ts';
import { exchange } from '../support/raw-client.ts';
import { kubectlPath } from '../support/tools.ts';

const DEMO = new URL('../../examples/demo', import.meta.url).pathname;

let sluice: Sluice;
let port: number;
let kubeconfig: string;
let kubectlBinary: string;

async function kubectl(...args: string[]): Promise<string> {
  return (await promisify(execFile)(kubectlBinary, ['--kubeconfig', kubeconfig, ...args])).stdout;
}

beforeAll(async () => {
  kubectlBinary = await kubectlPath();
  sluice = new Sluice([
    'dev',
    DEMO,
    '--http-port=0',
    '--https-port=0',
    '--admin-port=0',
    '--api-port=0',
    '--workers=2',
    '--access-log=false',
  ]);
  await eventually(() => sluice.stdout.includes('Ctrl-C ends it.'));
  port = Number(/^HTTP +http:\/\/127\.0\.0\.1:(\d+)/mu.exec(sluice.stdout)?.[1]);
  kubeconfig = /^kubectl --kubeconfig (\S+) get ingress$/mu.exec(sluice.stdout)?.[1] ?? '';
  await eventually(async () => (await exchange(port, 'GET / HTTP/1.1\r\nHost: app1.example.com\r\n\r\n')).status === 200);
});

afterAll(() => sluice.kill());

/** Runs `change` under load, and the load for as long as it takes; answers how many requests were answered. */
async function underLoad(change: () => Promise<unknown>): Promise<number> {
  const load = new Load({ port, host: 'app1.example.com', connections: 16 });
  await eventually(() => load.answered > 100);
  await change();
  const before = load.answered;
  await eventually(() => load.answered > before + 1000);
  await load.stop();
  expect(load.failures).toEqual([]);
  return load.answered;
}

describe('under load no request fails', () => {
  it('while a Deployment is restarted', async () => {
    const before = await kubectl('get', 'pods', '-o', 'name');
    await underLoad(async () => {
      await kubectl('rollout', 'restart', 'deployment/app1');
      await kubectl('rollout', 'status', 'deployment/app1', '--timeout=60s');
      // Until the last of the old Pods is gone, not only replaced.
      await eventually(async () => {
        const now = await kubectl('get', 'pods', '-o', 'name');
        return !before.split('\n').some((pod) => pod.includes('app1-') && now.includes(pod));
      });
    });
  });

  it('while a Deployment is scaled down, and up again', async () => {
    await underLoad(async () => {
      await kubectl('scale', 'deployment', 'app1', '--replicas=1');
      await eventually(async () => (await kubectl('get', 'pods', '-o', 'name')).match(/app1-/gu)?.length === 1);
      await kubectl('scale', 'deployment', 'app1', '--replicas=4');
      await kubectl('rollout', 'status', 'deployment/app1', '--timeout=60s');
    });
  });

  it('while other Ingresses come and go', async () => {
    await underLoad(async () => {
      for (let i = 0; i < 5; i++)
        await kubectl('create', 'ingress', `other${i}`, '--class=nginx', `--rule=other${i}.example.com/*=app1:http`);
      for (let i = 0; i < 5; i++) await kubectl('delete', 'ingress', `other${i}`);
    });
  });
});
