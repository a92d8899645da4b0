/**
 * Threat: more load than memory or CPU: without a brake the kernel ends the process, and every connection with it (Envoy's
 * overload manager, configuration/operations/overload_manager; reference E6).
 */
import { afterEach, describe, expect, it } from 'vitest';
import { REFUSED } from '../../../src/observe/series.ts';
import { CLOSING, OPEN, REFUSING } from '../../../src/proxy/workers/overload.ts';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import * as objects from '../../support/manifests.ts';
import { response } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

async function serve() {
  const backend = await stage.backend((head) => (head.startsWith('GET /hold') ? null : response('x')));
  const { overloadDelay } = DEFAULT_SETTINGS.proxy;
  const proxy = await stage.proxyTo([backend.port], { overloadDelay });
  return { backend, proxy, client: () => stage.client(proxy.port) };
}

describe('E6 when memory is short', () => {
  it('E6: connections are no longer kept alive: busy ones close with their response, idle ones soon', async () => {
    const { proxy, client, backend } = await serve();
    const [idle, busy] = [await client(), await client()];
    expect((await idle.request(GET)).headers.has('connection')).toBe(false);
    busy.send(GET.replace('/ ', '/hold '));
    await eventually(() => backend.received.join('').includes('/hold'));
    proxy.runtime.memory(CLOSING);
    for (const socket of backend.sockets) socket.write(response('late'));
    const last = await busy.response();
    expect([last.body, last.headers.get('connection')]).toEqual(['late', ['close']]);
    await busy.closed();
    await idle.closed();
    // New ones are served, once each.
    const next = await client();
    const answer = await next.request(GET);
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, ['close']]);
    await next.closed();
    proxy.runtime.memory(OPEN);
    const again = await client();
    expect((await again.request(GET)).headers.has('connection')).toBe(false);
    expect((await again.request(GET)).status).toBe(200);
  });

  it('E6: then requests get 503 with Retry-After, whatever they are; what was begun ends', async () => {
    const { proxy, client, backend } = await serve();
    const busy = await client();
    busy.send(GET.replace('/ ', '/hold '));
    await eventually(() => backend.received.join('').includes('/hold'));
    proxy.runtime.memory(REFUSING);
    const before = backend.received.join('');
    for (const request of [
      GET,
      GET.replace('app.example', 'nobody.example'),
      'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n',
      `POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n'.repeat(1000)}`,
    ]) {
      const one = await client();
      // The second request on the connection finds it closed.
      one.send(request + (request.startsWith('GET') ? GET : ''));
      const { status, headers } = await one.response();
      expect([status, headers.get('retry-after'), headers.get('connection')]).toEqual([503, ['5'], ['close']]);
      await one.closed();
      expect(one.buffer).toBe('');
    }
    expect(proxy.counters[REFUSED]).toBe(4);
    expect(backend.received.join('')).toBe(before);
    for (const socket of backend.sockets) socket.write(response('late'));
    expect((await busy.response()).body).toBe('late');
    proxy.runtime.memory(OPEN);
    expect((await exchange(proxy.port, GET)).status).toBe(200);
  });

  it('E6: the bytes of a refused body are not kept', async () => {
    const { proxy, client } = await serve();
    proxy.runtime.memory(REFUSING);
    const one = await client();
    one.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 16777216\r\n\r\n');
    for (let i = 0; i < 16; i++) one.send('x'.repeat(2 ** 20));
    // More than is read off for politeness: the connection is cut.
    await one.closed();
    await eventually(() => proxy.runtime.census().connections === 0);
  });

  it('E6: a tunnel goes on', async () => {
    const backend = await stage.backend(
      () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
    );
    const proxy = await stage.proxyTo([backend.port]);
    const one = await stage.client(proxy.port);
    await one.request(GET.replace('\r\n\r\n', '\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n'));
    proxy.runtime.memory(REFUSING);
    one.send('ping');
    await eventually(() => backend.received[0]!.endsWith('ping'));
    backend.sockets[0]!.write('pong');
    await one.until(() => one.buffer === 'pong');
  });
});

describe('E6 when the event loop is late', () => {
  it('E6: again and again, the worker closes, then refuses, then recovers; once, it does not', async () => {
    const { proxy } = await serve();
    const late = (delay: number): void => {
      for (let i = 0; i < 4; i++) proxy.runtime.tick(delay);
    };
    const answer = async () => {
      const { status, headers } = await exchange(proxy.port, GET);
      return [status, headers.get('connection')?.[0]];
    };
    proxy.runtime.tick(10_000);
    late(0);
    expect(await answer()).toEqual([200, undefined]);
    late(600);
    expect(await answer()).toEqual([200, 'close']);
    late(1100);
    expect(await answer()).toEqual([503, 'close']);
    late(0);
    expect(await answer()).toEqual([200, undefined]);
  });
});

describe('E6 the whole chain over its memory limit', () => {
  it('E6: refuses requests, says so once, and answers on the admin port', async () => {
    const chain = await Chain.start({ flags: ['--memory-limit=1m'] });
    try {
      chain.apply(objects.ingress('app', 'app.test Prefix / control'));
      await chain.listening();
      await eventually(async () => {
        const { status, headers } = await chain.get('http://app.test/');
        return status === 503 && headers['retry-after'] === '5';
      });
      const metrics = await (await fetch(`${chain.admin}/metrics`)).text();
      expect(metrics).toMatch(/^sluice_overload_level\{worker="0"\} 2$/m);
      expect(Number(/^sluice_overload_refused_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      expect((await fetch(`${chain.admin}/healthz`)).status).toBe(200);
      const lines = chain.sluice.log().filter(({ message }) => message === 'every worker refuses requests: memory');
      expect(lines).toEqual([expect.objectContaining({ limit: 2 ** 20, used: expect.any(Number) })]);
    } finally {
      await chain.close();
    }
  });
});
