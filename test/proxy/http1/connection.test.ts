/** What becomes of a client's connection when the answer comes before the body. */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const EXPECTING = (name: string, length: number): string =>
  `POST / HTTP/1.1\r\nHost: ${name}\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

async function proxy(ports: readonly number[]): Promise<TestProxy> {
  const hosts = [
    host('app.example', [prefixRoute('/', 'app')]),
    host('gone.example', [prefixRoute('/', { kind: 'answer', status: 503 })]),
  ];
  const one = await startProxy(table(hosts, [group('app', ports)]), { maxRequestBodySize: 1000 });
  open.push(one);
  return one;
}

async function connect({ port }: TestProxy): Promise<RawClient> {
  const one = await RawClient.connect(port);
  open.push(one);
  return one;
}

describe('a client that waits for 100 Continue', () => {
  it.each([
    ['no route', 'none.example', 5, 404],
    ['an unavailable route', 'gone.example', 5, 503],
    ['a body too large', 'app.example', 1001, 413],
  ])('and is answered at once (%s) will not send its body: nobody waits for it', async (_, name, length, status) => {
    const one = await proxy([]);
    const client = await connect(one);
    const reply = await client.request(EXPECTING(name, length));
    expect(reply.status).toBe(status);
    expect(reply.headers.get('connection')).toEqual(['close']);
    await client.closed();
    expect(client.reset).toBe(false);
    client.close();
    await eventually(() => one.runtime.connections.size === 0);
  });

  it('and is answered after 100, before it has sent its body, is not waited for either', async () => {
    const upstream = await rawBackend(() => response('early'));
    open.push(upstream);
    const client = await connect(await proxy([upstream.port]));
    client.send(EXPECTING('app.example', 5));
    expect((await client.response()).status).toBe(100);
    const reply = await client.response();
    expect(reply).toMatchObject({ status: 200, body: 'early' });
    expect(reply.headers.get('connection')).toEqual(['close']);
    await client.closed();
  });
});

describe('a client that does not wait', () => {
  it('is answered early, has its small body read off, and goes on', async () => {
    const client = await connect(await proxy([]));
    const reply = await client.request('POST / HTTP/1.1\r\nHost: none.example\r\nContent-Length: 5\r\n\r\n');
    expect(reply.status).toBe(404);
    expect(reply.headers.has('connection')).toBe(false);
    client.send('hello');
    expect((await client.request('GET / HTTP/1.1\r\nHost: gone.example\r\n\r\n')).status).toBe(503);
  });
});
