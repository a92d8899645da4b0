import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Sluice } from '../support/child.ts';
import { accepts, freePort } from '../support/ports.ts';

const running: Sluice[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((sluice) => sluice.kill()));
});

function start(...args: string[]): Sluice {
  const sluice = new Sluice(args);
  running.push(sluice);
  return sluice;
}

/** A controller whose API server is down. */
async function startWithoutCluster(...flags: string[]) {
  const [api, http] = [await freePort(), await freePort()];
  const sluice = start(
    'controller',
    `--apiserver-host=http://127.0.0.1:${api}`,
    `--http-port=${http}`,
    '--https-port=0',
    '--healthz-port=0',
    '--workers=1',
    ...flags,
  );
  const { adminPort } = await sluice.logged('started');
  return { sluice, http, admin: `http://127.0.0.1:${String(adminPort)}` };
}

describe('sluice controller without its API server', () => {
  it('is alive, not ready, does not listen, and ends with 0 on SIGTERM', async () => {
    const { sluice, http, admin } = await startWithoutCluster();
    expect((await fetch(`${admin}/healthz`)).status).toBe(200);
    const ready = await fetch(`${admin}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('[-] table: waiting for the first lists of the API server');
    expect(await accepts(http)).toBe(false);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).toContain('\nsluice_apiserver_connected 0\n');
    expect(metrics).toContain('\nsluice_table_version 0\n');
    expect(await (await fetch(`${admin}/configuration`)).json()).toMatchObject({
      version: 0,
      hosts: [],
      defaultCertificate: null,
    });
    sluice.signal('SIGTERM');
    expect(await sluice.exited).toBe(0);
  });

  it('answers on the admin port while it drains, and ends at once at a second signal', async () => {
    const { sluice, admin } = await startWithoutCluster('--shutdown-grace-period=600');
    sluice.signal('SIGTERM');
    await sluice.logged('shutting down: not ready, still serving');
    expect(await (await fetch(`${admin}/readyz`)).text()).toContain('[-] shutdown: shutting down');
    expect((await fetch(`${admin}/healthz`)).status).toBe(200);
    sluice.signal('SIGTERM');
    expect(await sluice.exited).toBe(143);
  });
});

describe('the command line', () => {
  it('says which port is in use, and the flag for another', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sluice = start('dev', `--http-port=${port}`, '--https-port=0', '--admin-port=0', '--api-port=0');
    expect(await sluice.exited).toBe(2);
    expect(sluice.stderr).toBe(
      `sluice: port ${port} (--http-port) is already in use on 127.0.0.1; choose another with --http-port\n`,
    );
    server.close();
  });

  it.each([
    { args: ['controler'], code: 2, text: 'did you mean "controller"' },
    { args: ['controller', '--http-prot=1'], code: 2, text: 'did you mean --http-port' },
    { args: ['--help'], code: 0, text: 'Usage: sluice <command>' },
    { args: ['controller', '--help'], code: 0, text: '--publish-service' },
    { args: ['dev', '--help'], code: 0, text: '--api-port' },
    { args: ['--version'], code: 0, text: '.' },
  ])('ends with $code for $args', async ({ args, code, text }) => {
    const sluice = start(...args);
    expect(await sluice.exited).toBe(code);
    expect(code === 0 ? sluice.stdout : sluice.stderr).toContain(text);
    expect(code === 0 ? sluice.stderr : sluice.stdout).toBe('');
  });
});
