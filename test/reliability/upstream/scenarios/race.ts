/** C6: the upstream closes an idle connection in the very moment in which a request is sent on it. */
import { randomUUID } from 'node:crypto';
import { eventually } from '../../../support/eventually.ts';
import { response } from '../../../support/proxy.ts';
import { RawClient } from '../../../support/raw-client.ts';
import type { Stage } from '../../../support/stage.ts';

export interface RaceResult {
  /** GETs that were not answered with their own 200. */
  readonly failedGets: readonly string[];
  /** POSTs that were answered, with their own 200 or with 502. */
  readonly posts: number;
  /** What POSTs got that is neither. */
  readonly wrongPosts: readonly string[];
  /** POSTs that a backend saw more than once. */
  readonly twice: readonly string[];
  /** Requests whose connection was closed before they came. */
  readonly raced: number;
}

/** `count` requests, one in four of them a POST. */
export async function race(stage: Stage, count: number): Promise<RaceResult> {
  const seen = new Map<string, number>();
  const upstream = await stage.backend((head) => {
    const nonce = /^\w+ \/(\S+)/.exec(head)![1]!;
    seen.set(nonce, (seen.get(nonce) ?? 0) + 1);
    return response(nonce);
  });
  const proxy = await stage.proxyTo([upstream.port], { keepAliveRequests: count + 1 });
  let client = await stage.client(proxy.port);
  const result = { failedGets: [] as string[], wrongPosts: [] as string[], twice: [] as string[], posts: 0, raced: 0 };
  for (let i = 0; i < count; i++) {
    const method = i % 4 === 3 ? 'POST' : 'GET';
    const nonce = `${method}-${randomUUID()}`;
    const request = `${method} /${nonce} HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n`;
    const last = upstream.sockets.at(-1);
    const opened = upstream.sockets.length;
    // In either order, a few turns of the event loop apart, and with a FIN or a reset.
    const close = (): void => void (i % 3 === 0 ? last?.resetAndDestroy() : last?.destroy());
    const first = (i >> 2) % 2 === 0;
    if (first) close();
    client.send(request);
    if (!first) {
      for (let turns = i % 5; turns > 0; turns--) await new Promise(setImmediate);
      close();
    }
    const got = await client.response().then(
      ({ status, body }) => (status === 200 && body !== nonce ? `the answer to ${body}` : String(status)),
      (error: unknown) => String(error),
    );
    // It may have been answered before the connection was closed.
    if (upstream.sockets.length > opened || got === '502') result.raced++;
    if (method === 'GET' && got !== '200') result.failedGets.push(got);
    if (method === 'POST') result.posts++;
    if (method === 'POST' && got !== '200' && got !== '502') result.wrongPosts.push(got);
    if (client.ended) {
      client.close();
      client = await RawClient.connect(proxy.port);
      stage.opened(client);
    }
    await eventually(() => proxy.runtime.census().upstreams <= 1);
  }
  for (const [nonce, times] of seen) if (times > 1 && nonce.startsWith('POST')) result.twice.push(nonce);
  return result;
}
