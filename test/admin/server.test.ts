import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReadinessPart } from '../../src/admin/health.ts';
import { startAdmin, type AdminServer, type AdminSources } from '../../src/admin/server.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';

const servers: AdminServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(overrides: Partial<AdminSources> = {}) {
  const sources: AdminSources = {
    readiness: () => Promise.resolve([]),
    metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: () => Promise.resolve('up 1\n') },
    configuration: () => ({ version: 7 }),
    ...overrides,
  };
  const server = await startAdmin(sources, { address: '127.0.0.1', port: 0, healthCheckPath: '/alive', log: SILENT_LOG });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

/** Sends raw bytes and collects the answer until the server closes. */
async function raw(origin: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

describe('the admin port', () => {
  it('is alive at /healthz and at the health check path', async () => {
    const origin = await start({ readiness: () => Promise.resolve([{ name: 'stores', ok: false, detail: 'not synced' }]) });
    for (const path of ['/healthz', '/alive', '/healthz?verbose']) {
      expect((await fetch(origin + path)).status).toBe(200);
    }
  });

  it('names at /readyz what is missing, and turns with it', async () => {
    let parts: ReadinessPart[] = [
      { name: 'stores', ok: true, detail: '' },
      { name: 'workers', ok: false, detail: 'no worker serves the table yet' },
    ];
    const origin = await start({ readiness: () => Promise.resolve(parts) });
    const missing = await fetch(`${origin}/readyz`);
    expect(missing.status).toBe(503);
    expect(await missing.text()).toBe('[+] stores ok\n[-] workers: no worker serves the table yet\nnot ready\n');
    parts = parts.map((part) => ({ ...part, ok: true }));
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
  });

  it('prints metrics with their content type, unless they are off', async () => {
    const origin = await start();
    const response = await fetch(`${origin}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toBe('up 1\n');
    const off = await start({ metrics: null });
    expect((await fetch(`${off}/metrics`)).status).toBe(404);
  });

  it('dumps the configuration as JSON', async () => {
    const response = await fetch(`${await start()}/configuration`);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ version: 7 });
  });

  it('answers HEAD without a body, other methods with 405, other paths with 404', async () => {
    const origin = await start();
    const head = await fetch(`${origin}/configuration`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${origin}/configuration`, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    for (const path of ['/', '/healthz/', '/__proto__', '/constructor']) {
      expect((await fetch(origin + path)).status).toBe(404);
    }
  });

  it('reads no body: answers, then closes the connection', async () => {
    const origin = await start();
    const answer = await raw(origin, 'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\nabc');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /u);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('refuses a head that is too large', async () => {
    const answer = await raw(await start(), `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /u);
  });

  it('survives a source that fails', async () => {
    const origin = await start({
      metrics: { contentType: 'text/plain', metrics: () => Promise.reject(new Error('secret detail')) },
      configuration: () => {
        throw new Error('secret detail');
      },
    });
    for (const path of ['/metrics', '/configuration']) {
      const response = await fetch(origin + path);
      expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    }
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  });

  it('rejects when the port is taken', async () => {
    const port = Number(new URL(await start()).port);
    const again = startAdmin(
      { readiness: () => Promise.resolve([]), metrics: null, configuration: () => ({}) },
      { address: '127.0.0.1', port, healthCheckPath: '/healthz', log: SILENT_LOG },
    );
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
