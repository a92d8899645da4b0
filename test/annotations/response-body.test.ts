/** How bodies of responses reach their clients: `limit-rate`, `proxy-buffering` and their kin. */
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { RoutePolicies } from '../../src/model/policies.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service, translated } from '../support/ingress.ts';
import { response, type TestProxy } from '../support/proxy.ts';
import { exchange, type RawResponse } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** What the annotations come to for the route, and what is said of them. */
function policiesOf(annotations: Readonly<Record<string, unknown>>): [RoutePolicies | undefined, readonly string[]] {
  const { patch, diagnostics } = translated([ingress(annotations), ...service('app', [1])]);
  const host = patch.hosts.find((one) => one.host === 'app.example');
  return [
    host?.routes[0]?.policies,
    diagnostics.map(({ severity, field }) => `${severity} ${field.split('/')[1]!.slice(0, -1)}`),
  ];
}

/** Text in which a piece that is missing, doubled or in the wrong place is seen. */
function text(length: number): string {
  let all = '';
  for (let i = 0; all.length < length; i++) all += `${i},`;
  return all.slice(0, length);
}

/** The response to a GET, and how many milliseconds it took. */
async function timed(
  annotations: Readonly<Record<string, unknown>>,
  body: string,
  settings: Partial<ProxySettings> = {},
  fields = '',
): Promise<RawResponse & { readonly took: number }> {
  const backend = await stage.backend(() => response(body, 'Content-Type: text/plain\r\n'));
  const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], { proxy: settings });
  stage.watched(proxy);
  const began = performance.now();
  const answer = await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`);
  return { ...answer, took: performance.now() - began };
}

describe('limit-rate', () => {
  it.each([
    ['absent: that of the ConfigMap', {}, {}, []],
    ['KiB a second', { 'limit-rate': '10' }, { responseRate: { limitRate: 10_240 } }, []],
    ['0: no limit, whatever the ConfigMap says', { 'limit-rate': '0' }, { responseRate: { limitRate: 0 } }, []],
    ['10k: that of the ConfigMap', { 'limit-rate': '10k' }, {}, ['warning limit-rate']],
    ['negative: that of the ConfigMap', { 'limit-rate': '-1' }, {}, ['warning limit-rate']],
    ['beyond all measure', { 'limit-rate': '9007199254740991' }, {}, ['warning limit-rate']],
  ])('%s', (_, annotations, policies, said) => {
    expect(policiesOf(annotations)).toEqual([policies, said]);
  });

  it('sends no faster, and all of it', async () => {
    const { body, took } = await timed({ 'limit-rate': '20' }, text(30_000), { clientSendTimeout: 300 });
    expect(body).toBe(text(30_000));
    // 20480 bytes in a second; what is sent at once is a quarter of a second's worth.
    expect(took).toBeGreaterThan(1000);
  });

  it('counts what is sent, not what was compressed', async () => {
    const fields = 'Accept-Encoding: gzip\r\n';
    const { headers, body } = await timed({ 'limit-rate': '100' }, text(200_000), { useGzip: true }, fields);
    expect(headers.get('content-encoding')).toEqual(['gzip']);
    expect(gunzipSync(Buffer.from(body, 'latin1')).toString()).toBe(text(200_000));
  });

  it.each([{ 'limit-rate': '1000' }, { 'proxy-buffering': 'on' }])(
    'a compressed response ends once, and the next request is begun once: %o',
    async (annotations: Record<string, string>) => {
      const backend = await stage.backend((head) => response(head.slice(5, 6).repeat(3000), 'Content-Type: text/plain\r\n'));
      const objects = [ingress({ ...annotations, 'limit-connections': '1' }), ...service('app', [backend.port])];
      const proxy = stage.watched(await serve(objects, { proxy: { useGzip: true } }));
      const client = await stage.client(proxy.port);
      for (const path of 'abc') client.send(`GET /${path} HTTP/1.1\r\nHost: app.example\r\nAccept-Encoding: gzip\r\n\r\n`);
      for (const path of 'abc')
        expect(gunzipSync(Buffer.from((await client.response()).body, 'latin1')).toString()).toBe(path.repeat(3000));
      expect(proxy.requestsOf([...proxy.series].find(([, { status }]) => status === '200')![0])).toBe(3);
    },
  );

  it('of the ConfigMap holds for every route but those that say otherwise', async () => {
    expect((await timed({}, text(4000), { limitRate: 4000 })).took).toBeGreaterThan(600);
    expect((await timed({ 'limit-rate': '0' }, text(400_000), { limitRate: 1000 })).body).toBe(text(400_000));
  });
});

describe('limit-rate-after', () => {
  it.each([
    ['absent: from the first byte', {}, {}, []],
    ['KiB', { 'limit-rate-after': '100' }, { responseRate: { limitRateAfter: 102_400 } }, []],
    ['0', { 'limit-rate-after': '0' }, { responseRate: { limitRateAfter: 0 } }, []],
    ['nonsense', { 'limit-rate-after': 'a while' }, {}, ['warning limit-rate-after']],
  ])('%s', (_, annotations, policies, said) => {
    expect(policiesOf(annotations)).toEqual([policies, said]);
  });

  it('so much is sent at once', async () => {
    const backend = await stage.backend(() => response(text(50_000)));
    const proxy = await serve([ingress({ 'limit-rate': '1', 'limit-rate-after': '40' }), ...service('app', [backend.port])]);
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await client.until(() => client.buffer.length > 40_960);
    expect(client.buffer.length).toBeLessThan(48_000);
    client.close();
  });
});

/** So much that the sockets between backend and client do not take it all. */
const LARGE = 16 * 1024 ** 2;

/** Whether the backend is done with a large response while its client reads nothing of it; then the client reads on. */
async function finishesEarly(annotations: Readonly<Record<string, unknown>>): Promise<[boolean, TestProxy]> {
  let written = false;
  const body = Buffer.alloc(LARGE, text(4096));
  const backend = await stage.backend((_, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    socket.write(body, () => (written = true));
    return null;
  });
  const proxy = await serve([ingress(annotations), ...service('app', [backend.port])]);
  stage.watched(proxy);
  const client = await stage.client(proxy.port);
  let received = 0;
  let equal = true;
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
  let before = -1;
  let same = 0;
  await eventually(() => {
    // It has come to a stand: done, or waiting for the client.
    const { tempBytes } = proxy.runtime.census();
    same = tempBytes === before ? same + 1 : 0;
    before = tempBytes;
    return written || (backend.received.length > 0 && same > 60);
  });
  const early = written;
  let head = true;
  client.socket.on('data', (chunk: Buffer) => {
    let piece = chunk;
    if (head) {
      piece = chunk.subarray(chunk.indexOf('\r\n\r\n') + 4);
      head = false;
    }
    const expected = body.subarray(received, received + piece.length);
    equal &&= expected.equals(piece);
    received += piece.length;
  });
  client.socket.resume();
  await eventually(() => received === LARGE);
  expect(equal).toBe(true);
  return [early, proxy];
}

describe('proxy-buffering', () => {
  it.each([
    ['absent: off, the backend waits for its client', {}, false],
    ['on: it does not', { 'proxy-buffering': 'on' }, true],
    ['off', { 'proxy-buffering': 'off' }, false],
    ['nonsense: off', { 'proxy-buffering': 'true' }, false],
  ])('%s', async (_, annotations, expected) => {
    const [early, proxy] = await finishesEarly(annotations);
    expect(early).toBe(expected);
    await eventually(() => proxy.runtime.census().tempFiles === 0);
  });

  it('a client that goes away in the middle leaves nothing', async () => {
    const backend = await stage.backend((_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
      socket.write(Buffer.alloc(LARGE));
      return null;
    });
    const proxy = await serve([ingress({ 'proxy-buffering': 'on' }), ...service('app', [backend.port])]);
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => proxy.runtime.census().tempBytes > 1_000_000);
    client.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().tempFiles === 0);
    expect(proxy.runtime.census().tempBytes).toBe(0);
  });

  it('holds nothing back: events of a stream reach the client at once', async () => {
    const sockets: ((piece: string) => void)[] = [];
    const backend = await stage.backend((_, socket) => {
      sockets.push((piece) => socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`));
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n';
    });
    const proxy = await serve([ingress({ 'proxy-buffering': 'on' }), ...service('app', [backend.port])]);
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => sockets.length === 1);
    for (const event of ['data: 1', 'data: 2']) {
      sockets[0]!(event);
      await client.until(() => client.buffer.includes(event));
    }
  });
});

describe('proxy-max-temp-file-size', () => {
  it.each([
    ['absent: 1024m', {}, true],
    ['0: nothing in files, so that the backend waits', { 'proxy-max-temp-file-size': '0' }, false],
    ['1m: less than the response', { 'proxy-max-temp-file-size': '1m' }, false],
    ['nonsense: 1024m', { 'proxy-max-temp-file-size': 'none' }, true],
  ])('%s', async (_, annotations, expected) => {
    expect((await finishesEarly({ 'proxy-buffering': 'on', ...annotations }))[0]).toBe(expected);
  });
});

const SIZES = [
  ['proxy-buffer-size', '32k', { buffering: { maxResponseHeadSize: 32_768, responseBufferSize: 32_768 } }],
  ['proxy-buffers-number', '16', { buffering: { responseBuffers: 16 } }],
  ['proxy-busy-buffers-size', '16k', {}],
] as const;

describe.each(SIZES)('%s', (name, typical, policies) => {
  it.each([
    ['absent: that of the ConfigMap', {}, {}, []],
    ['typical', { [name]: typical }, policies, []],
    ['empty: absent', { [name]: '' }, {}, []],
    ['nonsense: that of the ConfigMap', { [name]: 'x' }, {}, [`warning ${name}`]],
    ['control characters', { [name]: `${typical}\u0000\r\n}` }, {}, [`warning ${name}`]],
  ])('%s', (_, annotations, expected, said) => {
    expect(policiesOf(annotations)).toEqual([expected, said]);
  });
});

describe('proxy-buffer-size', () => {
  /** The status of a response with a head of so many bytes. */
  async function statusOf(annotations: Readonly<Record<string, unknown>>, size: number): Promise<number> {
    const backend = await stage.backend(() => response('ok', `X-Large: ${'x'.repeat(size - 60)}\r\n`));
    const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], { proxy: { upstreamTries: 1 } });
    stage.watched(proxy);
    return (await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status;
  }

  it.each([
    ['absent: 16k', {}, 16_000, 200],
    ['absent: more', {}, 17_000, 502],
    ['64k', { 'proxy-buffer-size': '64k' }, 60_000, 200],
    ['64k: more', { 'proxy-buffer-size': '64k' }, 66_000, 502],
    ['less than 16k means 16k', { 'proxy-buffer-size': '4k' }, 16_000, 200],
    ['1g means 4m', { 'proxy-buffer-size': '1g' }, 100_000, 200],
  ])('%s', async (_, annotations, size, status) => {
    expect(await statusOf(annotations, size)).toBe(status);
  });
});
