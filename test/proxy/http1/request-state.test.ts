/** What a request takes is lent to its connection: an idle one holds nothing of it, and no two have the same. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClientConnection } from '../../../src/proxy/http1/connection.ts';
import type { Exchange } from '../../../src/proxy/exchange/exchange.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

function exchanges({ runtime }: TestProxy): readonly Exchange[] {
  const connections = [...runtime.connections].filter((one) => one instanceof ClientConnection);
  return connections.flatMap(({ request }) => request?.exchange ?? []);
}

describe('the state of a request', () => {
  it('is lent from the first byte of a request to the end of its response', async () => {
    const backend = await stage.backend((head) => (head.startsWith('GET /hold') ? null : response('x')));
    const proxy = await stage.proxyTo([backend.port]);
    const [one, two] = [await stage.client(proxy.port), await stage.client(proxy.port)];
    await eventually(() => proxy.runtime.connections.size === 2);
    expect(exchanges(proxy)).toEqual([]);
    await one.request(GET);
    expect(exchanges(proxy)).toEqual([]);
    one.send(GET.slice(0, 9));
    await eventually(() => exchanges(proxy).length === 1);
    two.send(GET.replace('/ ', '/hold '));
    await eventually(() => backend.received.join('').includes('/hold'));
    expect(new Set(exchanges(proxy)).size).toBe(2);
    one.send(GET.slice(9));
    expect((await one.response()).body).toBe('x');
    expect(exchanges(proxy).map(({ downstream }) => downstream.head.target)).toEqual(['/hold']);
    two.close();
    await eventually(() => proxy.runtime.connections.size === 1);
    expect(exchanges(proxy)).toEqual([]);
  });

  it('is used again by another connection, and nothing of the request before is in it', async () => {
    const backend = await stage.backend(() => response('x'));
    const proxy = await stage.proxyTo([backend.port]);
    const first = await stage.client(proxy.port);
    await first.request(
      `GET /${'a'.repeat(6000)} HTTP/1.1\r\nHost: app.example\r\nX-Request-ID: mine\r\nAccept: text/css\r\n\r\n`,
    );
    first.close();
    const second = await stage.client(proxy.port);
    await second.request(GET);
    const [, again] = backend.received.join('').split('\r\n\r\n');
    expect(again).toContain('GET / HTTP/1.1');
    expect(again).not.toMatch(/mine|css|aaa/);
    await first.closed();
  });

  it('stays with its connection while the rest of a refused body is read off', async () => {
    const proxy = await stage.proxyTo([]);
    const client = await stage.client(proxy.port);
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 10\r\n\r\n12345');
    expect((await client.response()).status).toBe(503);
    const [held] = exchanges(proxy);
    const other = await stage.client(proxy.port);
    other.send('GET /other');
    await eventually(() => exchanges(proxy).length === 2);
    expect(exchanges(proxy)[0]).toBe(held);
    // The body's end, and the next request behind it.
    client.send(`67890${GET.replace('app', 'none')}`);
    expect((await client.response()).status).toBe(404);
    expect(exchanges(proxy)).toHaveLength(1);
  });

  it.each([
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\n123'],
    ['a length', 'Content-Length: 100\r\n\r\n123'],
  ])(
    'is given back by a connection that is cut in the middle of a body (%s), and nothing of that is awaited',
    async (_, begun) => {
      const backend = await stage.backend((head) => (head.startsWith('POST') ? null : response('x')));
      const proxy = await stage.proxyTo([backend.port]);
      const client = await stage.client(proxy.port);
      client.send(`POST / HTTP/1.1\r\nHost: app.example\r\n${begun}`);
      await eventually(() => exchanges(proxy).length === 1);
      client.close();
      await eventually(() => proxy.runtime.connections.size === 0);
      // Whose head comes in two pieces.
      const next = await stage.client(proxy.port);
      next.send(GET.slice(0, 20));
      await eventually(() => exchanges(proxy).length === 1);
      next.send(GET.slice(20));
      expect((await next.response()).body).toBe('x');
    },
  );
});
