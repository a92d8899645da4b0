/** When a request is sent again: the rules, and what backends see of them. */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, type ProxyError } from '../../../src/proxy/errors.ts';
import { decideRetry, type Attempt, type RetryDecision } from '../../../src/proxy/upstream/retry.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, proxySettings, rawBackend, response, startProxy, table } from '../../support/proxy.ts';
import type { RawBackend, TestProxy } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';

const UNLIMITED = { spend: () => true };
const FIRST: Attempt = { method: 'GET', tries: 1, reused: false, replayable: true, spent: 0, budget: UNLIMITED };
const SETTINGS = { upstreamTries: 3, upstreamTriesTimeout: 0, retryNonIdempotent: false };

const { upstreamReset, upstreamTimeout, upstreamSendTimeout, connectFailed, connectTimeout, resolveFailed, upstreamClosed } =
  ERRORS;

describe('a failure before the response', () => {
  it.each<[string, ProxyError, Partial<Attempt>, Partial<ProxySettings>, RetryDecision]>([
    ['a reset', upstreamReset, {}, {}, 'next'],
    ['a timeout', upstreamTimeout, {}, {}, 'next'],
    ['a send timeout', upstreamSendTimeout, {}, {}, 'next'],
    ['a refused connection', connectFailed, {}, {}, 'next'],
    ['a connect timeout', connectTimeout, {}, {}, 'next'],
    ['a bad response', ERRORS.badResponse, {}, {}, 'no'],
    ['a head too large', ERRORS.responseHeadTooLarge, {}, {}, 'no'],
    ['an aborted response', ERRORS.responseAborted, {}, {}, 'no'],
    ['no endpoints', ERRORS.noEndpoints, {}, {}, 'no'],

    ['the last try but one', upstreamReset, { tries: 2 }, {}, 'next'],
    ['the last try', upstreamReset, { tries: 3 }, {}, 'no'],
    ['the last try to connect', connectFailed, { tries: 3 }, {}, 'no'],
    ['the only try', upstreamReset, {}, { upstreamTries: 1 }, 'no'],
    ['no limit of tries', upstreamReset, { tries: 1000 }, { upstreamTries: 0 }, 'next'],

    ['time left', upstreamReset, { spent: 99 }, { upstreamTriesTimeout: 100 }, 'next'],
    ['no time left', upstreamReset, { spent: 100 }, { upstreamTriesTimeout: 100 }, 'no'],
    ['no time left to connect', connectFailed, { spent: 100 }, { upstreamTriesTimeout: 100 }, 'no'],
    ['no limit of time', upstreamReset, { spent: 1e9 }, { upstreamTriesTimeout: 0 }, 'next'],

    ['a body that is not at hand', upstreamReset, { replayable: false }, {}, 'no'],
    ['such a body, refused', connectFailed, { replayable: false }, {}, 'no'],
    ['such a body on a reused connection', upstreamReset, { replayable: false, reused: true }, {}, 'no'],

    ['a reset of a reused connection', upstreamReset, { reused: true }, {}, 'fresh'],
    ['such a reset at the last try', upstreamReset, { reused: true, tries: 3 }, {}, 'fresh'],
    ['such a reset late', upstreamReset, { reused: true, spent: 100 }, { upstreamTriesTimeout: 100 }, 'fresh'],
    ['a close of a reused connection before anything was sent', upstreamClosed, { reused: true, method: 'POST' }, {}, 'fresh'],
    ['a timeout of a reused connection', upstreamTimeout, { reused: true }, {}, 'next'],
  ])('%s', (_, error, attempt, settings, decision) => {
    expect(decideRetry(error, { ...FIRST, ...attempt }, proxySettings({ ...SETTINGS, ...settings }))).toBe(decision);
  });

  describe.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND'])('of %s', (method) => {
    it.each([upstreamReset, upstreamTimeout, upstreamSendTimeout, connectFailed])('$code goes on', (error) => {
      expect(decideRetry(error, { ...FIRST, method }, proxySettings(SETTINGS))).toBe('next');
    });
  });

  describe.each(['POST', 'LOCK', 'PATCH', 'M-SEARCH', 'TRANSFER'])('of %s', (method) => {
    it.each([upstreamReset, upstreamTimeout, upstreamSendTimeout])('$code ends it, unless retry-non-idempotent', (error) => {
      for (const reused of [false, true])
        expect(decideRetry(error, { ...FIRST, method, reused }, proxySettings(SETTINGS))).toBe('no');
      expect(decideRetry(error, { ...FIRST, method }, proxySettings({ ...SETTINGS, retryNonIdempotent: true }))).toBe('next');
    });

    it('a reset of a reused connection goes to a fresh one with retry-non-idempotent', () => {
      const settings = proxySettings({ ...SETTINGS, retryNonIdempotent: true });
      expect(decideRetry(upstreamReset, { ...FIRST, method, reused: true }, settings)).toBe('fresh');
    });

    it.each([connectFailed, connectTimeout, resolveFailed, upstreamClosed])('$code goes on: nothing was sent', (error) => {
      expect(decideRetry(error, { ...FIRST, method }, proxySettings(SETTINGS))).toBe('next');
    });
  });
});

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function backend(answer: Parameters<typeof rawBackend>[0]): Promise<RawBackend> {
  const one = await rawBackend(answer);
  open.push(one);
  return one;
}

async function proxyTo(backends: readonly RawBackend[], settings: Partial<ProxySettings>): Promise<TestProxy> {
  const groups = [
    group(
      'app',
      backends.map(({ port }) => port),
    ),
  ];
  const one = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], groups), settings);
  open.push(one);
  return one;
}

function failing(count: number, fail: (socket: net.Socket) => void = (socket) => void socket.destroy()): Promise<RawBackend[]> {
  return Promise.all(
    Array.from({ length: count }, () =>
      backend((_, socket) => {
        fail(socket);
        return null;
      }),
    ),
  );
}

const connections = (backends: readonly RawBackend[]): number => backends.reduce((sum, { sockets }) => sum + sockets.length, 0);

const request = (method: string, body = ''): string =>
  `${method} / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('backends that reset', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [0, 5],
    [9, 5],
  ])('with proxy-next-upstream-tries %i see %i connections, one each', async (upstreamTries, expected) => {
    const backends = await failing(5);
    const proxy = await proxyTo(backends, { upstreamTries, upstreamRetryBudget: 0 });
    expect((await exchange(proxy.port, request('GET'))).status).toBe(502);
    expect(connections(backends)).toBe(expected);
    expect(Math.max(...backends.map(({ sockets }) => sockets.length))).toBe(1);
  });

  it.each([
    [1, 1],
    [600_000, 3],
    [0, 3],
  ])('with proxy-next-upstream-timeout %i ms see %i connections', async (upstreamTriesTimeout, expected) => {
    // Each holds the request until the clock has moved on by the shortest of the limits.
    const backends = await failing(3, (socket) => {
      const seen = performance.now();
      void eventually(() => performance.now() > seen + 1).then(() => socket.destroy());
    });
    const proxy = await proxyTo(backends, { upstreamTries: 0, upstreamTriesTimeout });
    expect((await exchange(proxy.port, request('GET'))).status).toBe(502);
    expect(connections(backends)).toBe(expected);
  });

  it.each([
    ['GET', false, 2],
    ['PUT', false, 2],
    ['DELETE', false, 2],
    ['POST', false, 1],
    ['PATCH', false, 1],
    ['LOCK', false, 1],
    ['POST', true, 2],
    ['PATCH', true, 2],
    ['LOCK', true, 2],
  ])('get %s (retry-non-idempotent: %s) %i times', async (method, retryNonIdempotent, expected) => {
    const backends = await failing(2);
    const proxy = await proxyTo(backends, { retryNonIdempotent });
    expect((await exchange(proxy.port, request(method, 'abc'))).status).toBe(502);
    expect(connections(backends)).toBe(expected);
  });
});

describe('a body that was sent whole before the backend reset', () => {
  const LIMIT = 65_536;

  /** Two requests, of which one goes to the bad backend first. */
  async function send(size: number): Promise<{ statuses: number[]; bad: RawBackend; good: RawBackend; body: string }> {
    const body = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31) & 0xff)).toString('latin1');
    const whole = (received: string | undefined): boolean =>
      (received?.split('\r\n\r\n').slice(1).join('\r\n\r\n').length ?? 0) >= size;
    const bad = await backend((_, socket) => {
      void eventually(() => whole(bad.received[bad.sockets.indexOf(socket)])).then(() => socket.destroy());
      return null;
    });
    const good = await backend((_, socket) => {
      void eventually(() => whole(good.received[good.sockets.indexOf(socket)])).then(() => socket.write(response('good')));
      return null;
    });
    const proxy = await proxyTo([bad, good], {});
    const statuses: number[] = [];
    for (let i = 0; i < 2; i++) statuses.push((await exchange(proxy.port, request('PUT', body))).status);
    return { statuses: statuses.sort(), bad, good, body };
  }

  it('is sent again when it has 64 KiB, the same', async () => {
    const { statuses, bad, good, body } = await send(LIMIT);
    expect(bad.sockets.length).toBeGreaterThan(0);
    expect(statuses).toEqual([200, 200]);
    expect(good.received.join('').split(body)).toHaveLength(3);
  });

  it('is not when it has a byte more', async () => {
    const { statuses, bad, good } = await send(LIMIT + 1);
    expect(bad.sockets).toHaveLength(1);
    expect(statuses).toEqual([200, 502]);
    expect(good.sockets).toHaveLength(1);
  });
});
