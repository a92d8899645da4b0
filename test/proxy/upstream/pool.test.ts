/** What connections a pool keeps, and which it hands out. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConnection } from '../../../src/proxy/upstream/connection.ts';
import { PLAIN } from '../../../src/proxy/upstream/transport.ts';
import { EndpointPool } from '../../../src/proxy/upstream/pool.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table, type RawBackend } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { ask, testUpstreams, type TestUpstreams } from '../../support/upstream.ts';

const open: { close: () => Promise<void> | void }[] = [];
let upstream: RawBackend;
let upstreams: TestUpstreams;
let pool: EndpointPool;

beforeEach(async () => {
  upstream = await rawBackend((head) => (head.startsWith('GET /held') ? null : response('x')));
  upstreams = testUpstreams();
  pool = new EndpointPool('127.0.0.1', upstream.port, PLAIN, upstreams.context);
  pool.users = 1;
  open.push(upstream, upstreams);
});

afterEach(async () => {
  pool.retire();
  expect(upstreams.bugs).toEqual([]);
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** `count` connections, each opened and at rest, in the order they were given back. */
async function kept(count: number): Promise<UpstreamConnection[]> {
  const taken: UpstreamConnection[] = [];
  for (let i = 0; i < count; i++) {
    const one = pool.take('127.0.0.1', true);
    await ask(one).body;
    taken.push(one);
  }
  return taken;
}

/** Takes a connection and sends a request over it. */
async function used(): Promise<UpstreamConnection> {
  const one = pool.take('127.0.0.1', false);
  await ask(one).body;
  return one;
}

describe('a pool', () => {
  it('hands out the connection that was used last', async () => {
    const [first, second, third] = await kept(3);
    expect(pool.take('127.0.0.1', false)).toBe(third);
    expect(pool.take('127.0.0.1', false)).toBe(second);
    expect(pool.take('127.0.0.1', false)).toBe(first);
    expect(pool.idleSize).toBe(0);
    for (const one of [first, second, third]) one!.destroy();
  });

  it('makes a new one when a fresh one is asked for, and leaves the idle one', async () => {
    const [idle] = await kept(1);
    const fresh = pool.take('127.0.0.1', true);
    expect(fresh).not.toBe(idle);
    expect(pool.idleSize).toBe(1);
    await ask(fresh).body;
    expect(upstream.sockets).toHaveLength(2);
  });

  it('keeps no more idle connections than the limit: over all pools, the longest idle goes', async () => {
    upstreams.limits = { ...upstreams.limits, upstreamKeepAliveConnections: 2 };
    const otherUpstream = await rawBackend(() => response('y'));
    open.push(otherUpstream);
    const other = new EndpointPool('127.0.0.1', otherUpstream.port, PLAIN, upstreams.context);
    other.users = 1;
    const [first, second] = await kept(2);
    const third = other.take('127.0.0.1', false);
    await ask(third).body;
    expect([first, second, third].map((one) => one!.closed)).toEqual([true, false, false]);
    expect([pool.size, pool.idleSize, other.idleSize, upstreams.context.idle.size]).toEqual([1, 1, 1, 2]);
    // Its turn comes by when it was given back last, not by when it was opened.
    expect(await used()).toBe(second);
    const busy = other.take('127.0.0.1', true);
    await ask(busy).body;
    expect([second, third, busy].map((one) => one!.closed)).toEqual([false, true, false]);
    other.retire();
  });

  it.each([{ upstreamKeepAliveConnections: 0 }, { upstreamKeepAliveTimeout: 0 }])('keeps none with %o', async (limits) => {
    upstreams.limits = { ...upstreams.limits, ...limits };
    expect((await used()).closed).toBe(true);
    expect([pool.size, pool.idleSize, upstreams.context.idle.size]).toEqual([0, 0, 0]);
  });

  it('closes a connection after the requests it may have, exactly', async () => {
    upstreams.limits = { ...upstreams.limits, upstreamKeepAliveRequests: 3 };
    for (let i = 0; i < 7; i++) await used();
    expect(upstream.received.map((text) => text.split('GET ').length - 1)).toEqual([3, 3, 1]);
  });

  it('does not use a connection of the maximal age, and closes it', async () => {
    upstreams.limits = { ...upstreams.limits, upstreamKeepAliveTime: 5000 };
    const [first] = await kept(1);
    upstreams.advance(4999);
    expect(await used()).toBe(first);
    upstreams.advance(1);
    expect(await used()).not.toBe(first);
    expect(first!.closed).toBe(true);
    expect([pool.size, pool.idleSize]).toEqual([1, 1]);
  });

  it('closes a connection that is idle for too long', async () => {
    upstreams.limits = { ...upstreams.limits, upstreamKeepAliveTimeout: 2000 };
    const [one] = await kept(1);
    upstreams.advance(2000);
    expect(one!.closed).toBe(false);
    upstreams.advance(250);
    expect(one!.closed).toBe(true);
    expect([pool.size, pool.idleSize, upstreams.context.idle.size]).toEqual([0, 0, 0]);
  });

  it('forgets an idle connection that the upstream closes', async () => {
    await kept(2);
    upstream.sockets[1]!.destroy();
    await eventually(() => pool.size === 1);
    expect([pool.idleSize, upstreams.context.idle.size]).toEqual([1, 1]);
  });

  it('that nobody uses any more closes idle connections at once, busy ones after their exchange', async () => {
    const busy = pool.take('127.0.0.1', true);
    const held = ask(busy, '/held');
    await eventually(() => upstream.received[0]?.includes('/held'));
    const [idle] = await kept(1);
    pool.users = 0;
    pool.retire();
    expect([idle!.closed, busy.closed]).toEqual([true, false]);
    upstream.sockets[0]!.write(response('late'));
    expect(await held.body).toBe('late');
    expect(busy.closed).toBe(true);
    expect([pool.size, pool.idleSize, upstreams.context.idle.size]).toEqual([0, 0, 0]);
  });
});

describe('an endpoint that leaves the table', () => {
  it('finishes what it has begun, and keeps no connection', async () => {
    const other = await rawBackend(() => response('other'));
    open.push(other);
    const hosts = [host('app.example', [prefixRoute('/', 'app')])];
    const proxy = await startProxy(table(hosts, [group('app', [upstream.port])]));
    open.push(proxy);
    const [busy, quick] = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)];
    open.push(busy, quick);
    busy.send('GET /held HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => upstream.received[0]?.includes('/held'));
    await quick.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    expect(proxy.runtime.census()).toMatchObject({ upstreams: 2, idleUpstreams: 1 });
    proxy.runtime.apply(table(hosts, [group('app', [other.port])]));
    expect(proxy.runtime.census().idleUpstreams).toBe(0);
    await eventually(() => upstream.sockets[1]!.readableEnded || upstream.sockets[1]!.destroyed);
    upstream.sockets[0]!.write(response('late'));
    expect((await busy.response()).body).toBe('late');
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
    expect((await busy.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).body).toBe('other');
  });
});
