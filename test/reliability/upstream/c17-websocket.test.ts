/**
 * Upgraded connections: bytes that get lost or change, ends that are not passed on, peers that vanish and leave the other half
 * open for ever, slots that are counted wrong. Source: RFC 6455, RFC 9110 §7.8; leaks of http-proxy's upgrades (its issues);
 * reliability reference C17.
 */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ACCEPTED, ACTIVE, REQUESTS } from '../../../src/observe/series.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';
import { SWITCHING, tunnel, UPGRADE } from './scenarios/websocket.ts';

const stage = new Stage();

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** Switches, and echoes. The end of the client's side is passed to `onEnd`, which ends the other unless told otherwise. */
function echo(onEnd: (socket: net.Socket) => void = (socket) => void socket.end()): Promise<RawBackend> {
  return stage.backend((_, socket) => {
    socket.removeAllListeners('data').removeAllListeners('end');
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => onEnd(socket));
    return SWITCHING;
  });
}

/** A client that ends when the other side has. */
async function endingClient(port: number): Promise<RawClient> {
  const client = await stage.client(port);
  client.socket.on('end', () => client.socket.end());
  return client;
}

describe('C17: an upgraded connection', () => {
  it('carries megabytes both ways at once, to the last byte the same, and each end', async () => {
    const { up, down } = await tunnel(stage, 4_000_000);
    expect(up[1]).toBe(up[0]);
    expect(down[1]).toBe(down[0]);
    expect(up[0]).not.toBe(down[0]);
  });

  it('whose client has ended goes on the other way', async () => {
    let ended: net.Socket | null = null;
    const upstream = await echo((socket) => (ended = socket));
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    await client.request(UPGRADE);
    client.socket.end('last words');
    const socket = await eventually(() => ended ?? undefined);
    await client.until(() => client.buffer === 'last words');
    socket.end(', answered');
    await client.closed();
    expect([client.buffer, client.reset]).toEqual(['last words, answered', false]);
  });

  it('whose upstream has ended goes on the other way', async () => {
    let got = '';
    const upstream = await stage.backend((_, socket) => {
      socket.removeAllListeners('data').on('data', (bytes) => (got += bytes.toString()));
      socket.end(`${SWITCHING}bye`);
      return null;
    });
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    await client.request(UPGRADE);
    await client.closed();
    expect(client.buffer).toBe('bye');
    client.send('still here');
    await eventually(() => got === 'still here');
    client.socket.end();
    await eventually(() => proxy.runtime.census().upstreams === 0);
  });

  it('on which now and then a byte moves either way is not idle; one on which none does is closed on both sides', async () => {
    const upstream = await echo();
    const proxy = await stage.proxyTo([upstream.port], { upstreamReadTimeout: 400 });
    const [busy, idle] = [await stage.client(proxy.port), await stage.client(proxy.port)];
    await idle.request(UPGRADE);
    await busy.request(UPGRADE);
    let bytes = 0;
    while (!idle.ended) {
      busy.send('.');
      bytes++;
      await busy.until(() => busy.buffer.length === bytes || busy.ended);
      expect(busy.ended).toBe(false);
      await new Promise(setImmediate);
    }
    await eventually(() => proxy.runtime.census().upstreams === 1);
  });

  it('that the upstream refuses is an answer like any other; its connection is not used again', async () => {
    const upstream = await stage.backend((head) =>
      head.includes('websocket') ? 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' : response('page'),
    );
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    // What a client sends too early would be a request, if the upstream goes on with HTTP.
    client.send(`${UPGRADE}GET /admin HTTP/1.1\r\nHost: app.example\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 403, body: 'no' });
    await client.closed();
    expect(upstream.received.join('')).not.toContain('/admin');
    const next = await stage.client(proxy.port);
    expect((await next.request(GET)).body).toBe('page');
    expect(upstream.sockets).toHaveLength(2);
  });

  it.each([
    ['client resets', (client: net.Socket) => void client.resetAndDestroy()],
    ['client closes', (client: net.Socket) => void client.destroy()],
    ['upstream resets', (_: net.Socket, upstream: net.Socket) => void upstream.resetAndDestroy()],
    ['upstream closes', (_: net.Socket, upstream: net.Socket) => void upstream.destroy()],
  ])('whose %s is closed on the other side, also with bytes under way both ways', async (_, vanish) => {
    const upstream = await echo();
    const proxy = await stage.proxyTo([upstream.port]);
    for (const chatter of ['', 'x'.repeat(500_000)]) {
      const client = await endingClient(proxy.port);
      await client.request(UPGRADE);
      const far = upstream.sockets.at(-1)!;
      client.send(chatter);
      far.write(chatter);
      vanish(client.socket, far);
      await eventually(() => {
        const { connections, upstreams } = proxy.runtime.census();
        return connections === 0 && upstreams === 0;
      });
      await eventually(() => client.socket.destroyed || client.ended);
      await eventually(() => far.destroyed || far.readableEnded);
    }
  });

  it('that many open and end in every way leaves the counters exact', async () => {
    const upstream = await echo();
    const proxy = await stage.proxyTo([upstream.port]);
    const clients = await Promise.all(Array.from({ length: 30 }, () => endingClient(proxy.port)));
    for (const client of clients) expect((await client.request(UPGRADE)).status).toBe(101);
    proxy.runtime.tick(0);
    expect([proxy.counters[ACTIVE], proxy.runtime.census().upstreams]).toEqual([30, 30]);
    for (const [index, client] of clients.entries()) {
      if (index % 3 === 0) client.socket.resetAndDestroy();
      else if (index % 3 === 1) client.socket.end();
      else upstream.sockets[index]!.destroy();
    }
    await eventually(() => proxy.runtime.census().connections === 0);
    proxy.runtime.tick(0);
    expect([ACTIVE, ACCEPTED, REQUESTS].map((counter) => proxy.counters[counter])).toEqual([0, 30, 30]);
  });
});
