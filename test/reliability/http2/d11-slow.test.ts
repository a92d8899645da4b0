/**
 * D11, R55. A client that opens a connection and does next to nothing with it, in any phase that HTTP/2 has: node:http2 has no deadline for any of them.
 * Source: slowloris and its kin; Traefik CVE-2026-26999; CVE-2019-9517.
 */
import { describe, type ExpectStatic, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import {
  block,
  data,
  FLAG,
  frame,
  headers,
  ping,
  PREFACE,
  request,
  SETTING,
  settings,
  TYPE,
} from '../../support/http2/frames.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';

/** A test with a stage of its own: they all wait for the same second. */
function staged(run: (stage: Stage, expect: ExpectStatic) => Promise<void>) {
  return async ({ expect }: { readonly expect: ExpectStatic }): Promise<void> => {
    const stage = new Stage();
    await run(stage, expect);
    await stage.close();
  };
}

/** Only what is under test is short. */
async function proxyWith(
  stage: Stage,
  limits: Partial<ProxySettings>,
  body = 'ok',
): Promise<{ proxy: TestProxy; backend: RawBackend }> {
  const backend = await stage.backend((head) => (head.includes('silent') ? null : response(body)));
  return { backend, proxy: await stage.proxyTo([backend.port], limits) };
}

/** Sends something every now and then until the connection closes. */
async function drip(client: RawHttp2, bytes: () => Buffer): Promise<void> {
  const timer = setInterval(() => client.send(bytes()), 50);
  try {
    await client.gone();
  } finally {
    clearInterval(timer);
  }
}

describe.concurrent('D11: closed is a connection', () => {
  it(
    'D11: that never sends a preface',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { http2PrefaceTimeout: 100 });
      const client = stage.opened(await RawHttp2.silent(proxy.httpsPort));
      await client.gone();
      expect(client.frames.filter(({ type }) => type === TYPE.headers)).toEqual([]);
    }),
  );

  it(
    'D11: that sends the preface, and no SETTINGS frame',
    staged(async (stage) => {
      const { proxy } = await proxyWith(stage, { http2PrefaceTimeout: 100 });
      const client = stage.opened(await RawHttp2.silent(proxy.httpsPort));
      client.send(PREFACE);
      await client.gone();
    }),
  );

  it(
    'D11: whose preface drips',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { http2PrefaceTimeout: 300 });
      const client = stage.opened(await RawHttp2.silent(proxy.httpsPort));
      let at = 0;
      await drip(client, () => PREFACE.subarray(at, ++at));
      expect(at).toBeLessThan(PREFACE.length);
    }),
  );

  it(
    'D11: that never asks for anything, with GOAWAY',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { clientHeaderTimeout: 100, lingeringTimeout: 100 });
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
      await client.gone();
      expect(client.find(TYPE.goaway, 0)?.payload.readUInt32BE(4)).toBe(0);
    }),
  );

  it(
    'D11: whose HEADERS frame has no end',
    staged(async (stage, expect) => {
      const { proxy, backend } = await proxyWith(stage, { clientHeaderTimeout: 100, lingeringTimeout: 100 });
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
      client.send(frame(TYPE.headers, FLAG.endStream, 1, block(request())));
      await client.gone();
      expect(backend.received).toEqual([]);
    }),
  );

  it(
    'D11: whose next head drips',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { keepAliveTimeout: 300, lingeringTimeout: 100 });
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
      client.send(headers(1, request()));
      await client.response(1);
      const head = frame(
        TYPE.headers,
        FLAG.endStream | FLAG.endHeaders,
        3,
        block([...request(), ['x-long', 'x'.repeat(10_000)]]),
      );
      client.send(head.subarray(0, 200));
      let at = 200;
      await drip(client, () => head.subarray(at, ++at));
      expect(at).toBeLessThan(head.length);
    }),
  );

  it(
    'D11: that is idle, whatever PING frames it sends',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { keepAliveTimeout: 300, lingeringTimeout: 100 });
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
      client.send(headers(1, request()));
      await client.response(1);
      await drip(client, () => ping());
      expect(client.find(TYPE.goaway, 0)?.payload.readUInt32BE(4)).toBe(0);
    }),
  );
});

describe.concurrent('D11: reset is a stream', () => {
  it(
    'D11: whose body stalls, with 408',
    staged(async (stage, expect) => {
      const { proxy } = await proxyWith(stage, { clientBodyTimeout: 100 });
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
      client.send(headers(1, request('/silent', 'POST'), false), data(1, 'part'));
      expect(await client.outcome(1)).toBe('status 408');
      expect(await client.errorOrAlive(3)).toBe('alive');
    }),
  );

  for (const [size, body] of [
    ['small', 'ok'],
    ['larger than what is buffered', 'x'.repeat(300_000)],
  ] as const)
    it(
      `D11: whose window stays at zero, with a ${size} response`,
      staged(async (stage, expect) => {
        const { proxy } = await proxyWith(stage, { clientSendTimeout: 100 }, body);
        const client = stage.opened(await RawHttp2.connect(proxy.httpsPort, [SETTING.windowSize, 0]));
        client.send(headers(1, request()));
        await client.until(() => client.error(1) !== undefined);
        expect(client.error(1)).toBe('reset 2');
        expect(client.body(1)).toBe('');
        await eventually(() => proxy.runtime.census().streams === 0);
        // The connection is not at fault; another window may be larger.
        client.send(settings([SETTING.windowSize, 65_535]), headers(3, request()));
        expect(await client.outcome(3)).toBe('status 200');
      }),
    );

  it(
    'D11: but a connection that is not read at all ends too',
    staged(async (stage) => {
      const { proxy } = await proxyWith(
        stage,
        { clientSendTimeout: 100, keepAliveTimeout: 100, lingeringTimeout: 100 },
        'x'.repeat(60_000),
      );
      const client = stage.opened(await RawHttp2.connect(proxy.httpsPort, [SETTING.windowSize, 0x7fffffff]));
      client.send(frame(TYPE.windowUpdate, 0, 0, Buffer.from([0x7f, 0, 0, 0])));
      client.socket.pause();
      for (let id = 1; id < 250; id += 2) client.send(headers(id, request()));
      await eventually(() => proxy.runtime.census().connections === 0);
    }),
  );
});
