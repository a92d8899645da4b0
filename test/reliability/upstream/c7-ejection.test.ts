/**
 * An endpoint that is there and does not work: every n-th request waits for a connect timeout or gets a 500, until somebody
 * notices. And the opposite: a proxy that leaves out so many endpoints that the rest break down. Source: Envoy's outlier
 * detection, nginx's max_fails (reliability reference C7, C15); the rules are in docs/decisions/passive-health.md.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { EJECTIONS } from '../../../src/observe/series.ts';
import { blackHole } from '../../support/black-hole.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { proxySettings, response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const FAILED = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n';

const good = (): Promise<RawBackend> => stage.backend(() => response('good'));
const bad = (): Promise<RawBackend> => stage.backend(() => FAILED);
const hits = (backend: RawBackend): number => backend.received.join('').split('\r\n\r\n').length - 1;
const ejections = (proxy: TestProxy): number => proxy.counters[EJECTIONS]!;

async function statuses(client: RawClient, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) all.push((await client.request(GET)).status);
  return all;
}

describe('C7: an endpoint that cannot be connected to', () => {
  it.each(['black hole', 'refused'])('costs five requests a wait, and then none: %s', async (how) => {
    const dead = how === 'refused' ? await freePort() : stage.opened(await blackHole()).port;
    const others = [await good(), await good()];
    // However slow this machine is, the time of the ejection is not over before the end.
    const settings = { upstreamConnectTimeout: 20, upstreamEjectTime: 600_000 };
    const proxy = await stage.proxyTo([dead, ...others.map(({ port }) => port)], settings);
    const client = await stage.client(proxy.port);
    // The endpoint after it takes what it fails, so every second request meets it.
    expect(new Set(await statuses(client, 8))).toEqual(new Set([200]));
    expect(ejections(proxy)).toBe(0);
    await statuses(client, 3);
    expect(ejections(proxy)).toBe(1);
    // Whoever met the black hole now would wait longer than this test may take.
    proxy.runtime.configure(proxySettings({ ...settings, upstreamConnectTimeout: 600_000 }));
    expect(new Set(await statuses(client, 60))).toEqual(new Set([200]));
    const [one = 0, two = 0] = others.map(hits);
    expect(Math.abs(one - two)).toBeLessThan(10);
  });
});

describe('C15: an endpoint that answers 500', () => {
  it('to every second request is left out after five in a row; the others take its share', async () => {
    let requests = 0;
    // Half of them, in a fixed order in which five in a row come up late.
    const pattern = '1010010110011010010111110';
    const flaky = await stage.backend(() => (pattern[requests++ % pattern.length] === '1' ? FAILED : response('good')));
    const others = [await good(), await good()];
    const proxy = await stage.proxyTo([flaky, ...others].map(({ port }) => port));
    const client = await stage.client(proxy.port);
    await statuses(client, 3 * 23);
    expect(ejections(proxy)).toBe(0);
    await statuses(client, 3);
    expect([ejections(proxy), requests]).toEqual([1, 24]);
    expect(new Set(await statuses(client, 60))).toEqual(new Set([200]));
    expect(requests).toBe(24);
  });

  it('is used again when its time is over and it is well, and not while it is not', async () => {
    let well = false;
    let asked = 0;
    const sick = await stage.backend(() => {
      asked++;
      return well ? response('well') : FAILED;
    });
    const proxy = await stage.proxyTo([sick.port, (await good()).port], { upstreamEjectTime: 1 });
    const client = await stage.client(proxy.port);
    await statuses(client, 10);
    expect(ejections(proxy)).toBe(1);
    // One request at a time finds out, and each that fails is an ejection.
    await eventually(async () => (await statuses(client, 1)) && ejections(proxy) >= 3);
    expect(asked).toBe(5 + ejections(proxy) - 1);
    well = true;
    const before = asked;
    await eventually(async () => (await statuses(client, 1)) && asked > before);
    const now = asked;
    expect(new Set(await statuses(client, 10))).toEqual(new Set([200]));
    expect(asked).toBe(now + 5);
  });

  it('among others that all do is used as before: none is left out', async () => {
    const all = [await bad(), await bad(), await bad()];
    const proxy = await stage.proxyTo(all.map(({ port }) => port));
    const client = await stage.client(proxy.port);
    // The first to have failed five times is left out until the last has.
    await statuses(client, 30);
    const before = all.map(hits);
    expect(new Set(await statuses(client, 30))).toEqual(new Set([500]));
    expect(all.map((each, index) => hits(each) - before[index]!)).toEqual([10, 10, 10]);
  });

  it('with two others of four leaves one of them in use: never more than half are left out', async () => {
    const sick = [await bad(), await bad(), await bad()];
    const proxy = await stage.proxyTo([...sick, await good()].map(({ port }) => port));
    const client = await stage.client(proxy.port);
    await statuses(client, 40);
    expect(ejections(proxy)).toBe(2);
    const before = sick.map(hits);
    await statuses(client, 20);
    expect(sick.map((each, index) => hits(each) - before[index]!).sort()).toEqual([0, 0, 10]);
  });

  it('is never left out when it is the only one, nor when health is off', async () => {
    const [alone, one] = [await bad(), await bad()];
    const single = await stage.proxyTo([alone.port]);
    expect(new Set(await statuses(await stage.client(single.port), 20))).toEqual(new Set([500]));
    const off = await stage.proxyTo([one.port, (await good()).port], { upstreamEjectFailures: 0 });
    const answers = await statuses(await stage.client(off.port), 20);
    expect(answers.filter((status) => status === 500)).toHaveLength(10);
    expect([ejections(single), ejections(off), hits(alone), hits(one)]).toEqual([0, 0, 20, 10]);
  });

  it.each([
    ['resets', (socket: { destroy: () => unknown }) => void socket.destroy(), 502],
    ['answers garbage', (socket: { write: (text: string) => unknown }) => void socket.write('garbage\r\n\r\n'), 502],
  ])('and one that %s are left out alike', async (_, fail, status) => {
    const sick = await stage.backend((__, socket) => {
      fail(socket);
      return null;
    });
    const proxy = await stage.proxyTo([sick.port, (await good()).port], { upstreamTries: 1 });
    const client = await stage.client(proxy.port);
    const answers = await statuses(client, 30);
    expect(answers.filter((each) => each === status)).toHaveLength(5);
    expect([ejections(proxy), sick.sockets.length]).toEqual([1, 5]);
  });

  it('breaks its responses off is left out too, though their heads are good', async () => {
    const sick = await stage.backend((_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      return null;
    });
    const proxy = await stage.proxyTo([sick.port, (await good()).port]);
    for (let i = 0; i < 20; i++) {
      const client = await stage.client(proxy.port);
      await client.request(GET).catch(() => null);
    }
    expect([ejections(proxy), sick.sockets.length]).toEqual([1, 5]);
  });
});
