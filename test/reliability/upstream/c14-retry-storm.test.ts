/**
 * Every endpoint of a Service fails, and every request is sent to three of them: the load triples when it can be borne least,
 * and keeps the Service down. Source: Envoy's and linkerd's retry budgets (reliability reference C14); what counts is in
 * docs/decisions/retries.md.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { RETRIES_DENIED } from '../../../src/observe/series.ts';
import { freePort } from '../../support/ports.ts';
import { response, type RawBackend } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const request = (method: string): string => `${method} / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n`;
const hits = (backends: readonly RawBackend[]): number =>
  backends.reduce((sum, { received }) => sum + received.filter((text) => text !== '').length, 0);
const REQUESTS = 100;

async function statuses(client: RawClient, method: string, count: number): Promise<Set<number>> {
  const all = new Set<number>();
  for (let i = 0; i < count; i++) all.add((await client.request(request(method))).status);
  return all;
}

function resetting(count: number): Promise<RawBackend[]> {
  return Promise.all(
    Array.from({ length: count }, () =>
      stage.backend((_, socket) => {
        socket.destroy();
        return null;
      }),
    ),
  );
}

describe('C14: when every endpoint fails', () => {
  it.each([
    [undefined, 1.2],
    [50, 1.5],
    [0, 3],
  ])('a budget of %s percent makes the load at most %f times the requests, and three', async (upstreamRetryBudget, factor) => {
    const backends = await resetting(3);
    const settings = upstreamRetryBudget === undefined ? {} : { upstreamRetryBudget };
    const proxy = await stage.proxyTo(
      backends.map(({ port }) => port),
      settings,
    );
    expect(await statuses(await stage.client(proxy.port), 'GET', REQUESTS)).toEqual(new Set([502]));
    const load = hits(backends);
    expect(load).toBeLessThanOrEqual(factor * REQUESTS + 3);
    // And it is used: this is not a proxy that never tries again.
    expect(load).toBeGreaterThan(factor * REQUESTS - 10);
    expect(proxy.counters[RETRIES_DENIED]! > 0).toBe(upstreamRetryBudget !== 0);
  });

  it('with 503, each request is sent once and answered with what its endpoint says', async () => {
    const backends = await Promise.all(
      [1, 2, 3].map(() =>
        stage.backend((_, socket) => {
          socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy');
          return null;
        }),
      ),
    );
    const proxy = await stage.proxyTo(backends.map(({ port }) => port));
    const client = await stage.client(proxy.port);
    for (let i = 0; i < REQUESTS; i++)
      expect(await client.request(request('GET'))).toMatchObject({ status: 503, body: 'busy' });
    expect(hits(backends)).toBe(REQUESTS);
  });

  it('no more is sent for one Service because another one is asked much', async () => {
    const backends = await resetting(3);
    const proxy = await stage.proxyTo(backends.map(({ port }) => port));
    const client = await stage.client(proxy.port);
    for (let i = 0; i < REQUESTS; i++) await client.request('GET / HTTP/1.1\r\nHost: other\r\n\r\n');
    await statuses(client, 'GET', 5);
    expect(hits(backends)).toBeLessThanOrEqual(8);
  });
});

describe('C14: in a rollout, when most endpoints of the table are gone', () => {
  it.each(['GET', 'POST'])('no %s fails for the budget: a connection that is refused is no load', async (method) => {
    const well = await stage.backend(() => response('well'));
    const gone = [await freePort(), await freePort()];
    const proxy = await stage.proxyTo([...gone, well.port], { upstreamEjectFailures: 0 });
    expect(await statuses(await stage.client(proxy.port), method, REQUESTS)).toEqual(new Set([200]));
    expect(proxy.counters[RETRIES_DENIED]).toBe(0);
  });
});
