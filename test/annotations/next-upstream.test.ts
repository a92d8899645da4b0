/** When a request is sent to another endpoint: `proxy-next-upstream`, `proxy-next-upstream-tries`, `proxy-next-upstream-timeout`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { RawClient } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

type Answer = Parameters<Stage['backend']>[0];

function status(code: number, body = 'no'): string {
  return `HTTP/1.1 ${code} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** What endpoints do that fail. */
const FAILURES = {
  reset: (_, socket) => {
    socket.resetAndDestroy();
    return null;
  },
  silent: () => null,
  garbage: () => 'this is not HTTP\r\n\r\n',
  large: () => `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`,
} satisfies Record<string, Answer>;

/**
 * The answer when one of two endpoints fails, and how often that one was asked: requests are sent until it was the first to be asked. The
 * other answers 200.
 */
async function answerOf(
  annotations: Readonly<Record<string, unknown>>,
  failing: Answer,
  { method = 'GET', settings = {} }: { method?: string; settings?: Partial<ProxySettings> } = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const bad = await stage.backend(failing);
  const good = await stage.backend(() => response('good'));
  const proxy = await serve([ingress(annotations), ...service('app', [bad.port, good.port])], {
    proxy: { upstreamReadTimeout: 400, upstreamRetryBudget: 0, upstreamEjectFailures: 0, ...settings },
  });
  stage.watched(proxy);
  for (;;) {
    const client = stage.opened(await RawClient.connect(proxy.port));
    const length = method === 'GET' ? '' : 'Content-Length: 4\r\n';
    client.send(`${method} / HTTP/1.1\r\nHost: app.example\r\n${length}\r\n${method === 'GET' ? '' : 'body'}`);
    const answer = await client.response();
    if (bad.received.length > 0) return answer;
  }
}

const NEXT = 'proxy-next-upstream';

describe('proxy-next-upstream', () => {
  it.each<[string, Record<string, unknown>, Answer, number]>([
    ['absent: error', {}, FAILURES.reset, 200],
    ['absent: timeout', {}, FAILURES.silent, 200],
    ['absent: not a bad response', {}, FAILURES.garbage, 502],
    ['absent: no status', {}, () => status(503), 503],
    ['error', { [NEXT]: 'error' }, FAILURES.reset, 200],
    ['error: no timeout', { [NEXT]: 'error' }, FAILURES.silent, 504],
    ['timeout', { [NEXT]: 'timeout' }, FAILURES.silent, 200],
    ['timeout: no error', { [NEXT]: 'timeout' }, FAILURES.reset, 502],
    ['invalid_header: garbage', { [NEXT]: 'invalid_header' }, FAILURES.garbage, 200],
    ['invalid_header: a head that is too large', { [NEXT]: 'invalid_header' }, FAILURES.large, 200],
    ['http_500', { [NEXT]: 'http_500' }, () => status(500), 200],
    ['http_502', { [NEXT]: 'error http_502' }, () => status(502), 200],
    ['http_503', { [NEXT]: 'http_502 http_503' }, () => status(503), 200],
    ['http_504', { [NEXT]: 'http_504' }, () => status(504), 200],
    ['http_403', { [NEXT]: 'http_403' }, () => status(403), 200],
    ['http_404', { [NEXT]: 'http_404' }, () => status(404), 200],
    ['http_429', { [NEXT]: 'http_429' }, () => status(429), 200],
    ['http_500: another status', { [NEXT]: 'http_500' }, () => status(502), 502],
    ['off', { [NEXT]: 'off' }, FAILURES.reset, 502],
    ['off beside others', { [NEXT]: 'error off' }, FAILURES.reset, 502],
    ['tabs and spaces', { [NEXT]: ' error \t timeout ' }, FAILURES.reset, 200],
    ['nonsense: error timeout', { [NEXT]: 'always' }, FAILURES.reset, 200],
    ['nonsense among words: error timeout', { [NEXT]: 'http_500 http_418' }, () => status(500), 500],
    ['quotes and braces', { [NEXT]: 'error; }' }, FAILURES.silent, 200],
  ])('%s', async (_, annotations, failing, expected) => {
    expect((await answerOf(annotations, failing)).status).toBe(expected);
  });

  it.each<[string, string, string, number]>([
    ['POST is not sent twice', 'POST', 'error http_500', 500],
    ['nor PATCH', 'PATCH', 'error http_500', 500],
    ['nor LOCK', 'LOCK', 'error http_500', 500],
    ['nor what nobody knows', 'BREW', 'error http_500', 500],
    ['unless non_idempotent says so', 'POST', 'http_500 non_idempotent', 200],
    ['PUT is', 'PUT', 'http_500', 200],
  ])('%s', async (_, method, words, expected) => {
    for (const requestBuffering of [true, false])
      expect((await answerOf({ [NEXT]: words }, () => status(500), { method, settings: { requestBuffering } })).status).toBe(
        expected,
      );
  });

  it('retry-non-idempotent of the ConfigMap allows POST too', async () => {
    const settings = { retryNonIdempotent: true };
    expect((await answerOf({ [NEXT]: 'http_500' }, () => status(500), { method: 'POST', settings })).status).toBe(200);
  });

  it('the response of the last endpoint is the answer, whole', async () => {
    const ports = [];
    for (const name of ['a', 'b']) ports.push((await stage.backend(() => status(503, name.repeat(100_000)))).port);
    const proxy = await serve([ingress({ [NEXT]: 'http_503' }), ...service('app', ports)], {
      proxy: { upstreamEjectFailures: 0 },
    });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < 3; i++) {
      const answer = await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
      expect([answer.status, answer.body.length]).toEqual([503, 100_000]);
    }
  });

  it('a response that has begun is never followed by another', async () => {
    const settings = { upstreamTries: 0 };
    const failing: Answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => setImmediate(() => socket.resetAndDestroy()));
      return null;
    };
    await expect(answerOf({ [NEXT]: 'error timeout invalid_header http_500' }, failing, { settings })).resolves.toMatchObject({
      body: 'half',
    });
  });

  it('the retries of statuses have a budget', async () => {
    const bad = await stage.backend(() => status(503));
    const alsoBad = await stage.backend(() => status(503));
    const proxy = await serve([ingress({ [NEXT]: 'http_503' }), ...service('app', [bad.port, alsoBad.port])], {
      proxy: { upstreamEjectFailures: 0 },
    });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < 10; i++) await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const asked =
      [bad, alsoBad]
        .flatMap(({ received }) => received)
        .join('')
        .split('GET / ').length - 1;
    // Three, however few the requests are.
    expect(asked).toBe(13);
  });
});

describe('proxy-next-upstream-tries', () => {
  /** How many endpoints of four a request is sent to when all fail. */
  async function tried(annotations: Readonly<Record<string, string>>, settings: Partial<ProxySettings> = {}): Promise<number> {
    const backends = [];
    for (let i = 0; i < 4; i++) backends.push(await stage.backend(FAILURES.reset));
    const proxy = await serve(
      [
        ingress(annotations),
        ...service(
          'app',
          backends.map(({ port }) => port),
        ),
      ],
      {
        proxy: { upstreamRetryBudget: 0, ...settings },
      },
    );
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(502);
    await eventually(() => proxy.runtime.census().upstreams === 0);
    return backends.filter(({ received }) => received.length > 0).length;
  }

  it.each([
    ['absent: 3', {}, 3],
    ['1: the first only', { 'proxy-next-upstream-tries': '1' }, 1],
    ['2', { 'proxy-next-upstream-tries': '2' }, 2],
    ['0: no limit', { 'proxy-next-upstream-tries': '0' }, 4],
    ['more than there are endpoints', { 'proxy-next-upstream-tries': '100' }, 4],
    ['negative: 3', { 'proxy-next-upstream-tries': '-1' }, 3],
    ['nonsense: 3', { 'proxy-next-upstream-tries': 'two' }, 3],
  ])('%s', async (_, annotations, expected) => {
    expect(await tried(annotations)).toBe(expected);
  });
});

describe('proxy-next-upstream-timeout', () => {
  it.each([
    ['absent: no limit', {}, 200],
    ['0: no limit', { 'proxy-next-upstream-timeout': '0' }, 200],
    ['1: the first took longer', { 'proxy-next-upstream-timeout': '1' }, 504],
    ['600', { 'proxy-next-upstream-timeout': '600' }, 200],
    ['nonsense: no limit', { 'proxy-next-upstream-timeout': '1s' }, 200],
  ])('%s', async (_, annotations, expected) => {
    const settings = { upstreamReadTimeout: 1000 };
    expect((await answerOf(annotations, FAILURES.silent, { settings })).status).toBe(expected);
  });
});
