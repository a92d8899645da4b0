/** Bodies of requests: how large they may be, and whether they are read whole before a backend is asked. */
import { afterEach, describe, expect, it } from 'vitest';
import fs from 'node:fs';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { response, type RawBackend, type TestProxy } from '../support/proxy.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';
import { wholeBackend } from '../support/whole-backend.ts';

const stage = new Stage();
afterEach(() => stage.close());

interface Scene {
  readonly proxy: TestProxy;
  readonly backend: RawBackend;
  readonly client: RawClient;
  readonly diagnostics: readonly string[];
  /** All that the backend got on its last connection. */
  readonly got: () => string;
}

/** As ingress-nginx has it: bodies are read whole unless something says otherwise. */
async function scene(
  annotations: Readonly<Record<string, unknown>>,
  settings: Partial<ProxySettings> = {},
  answer: Parameters<Stage['backend']>[0] = () => response('ok'),
): Promise<Scene> {
  const backend = await stage.backend(answer);
  const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], {
    proxy: { requestBuffering: true, ...settings },
  });
  stage.watched(proxy);
  return {
    proxy,
    backend,
    client: await stage.client(proxy.port),
    diagnostics: proxy.diagnostics.map(({ severity, field }) => `${severity} ${field}`),
    got: () => backend.received.at(-1) ?? '',
  };
}

function post(body: string | Buffer, fields = ''): Buffer {
  const head = `POST /up HTTP/1.1\r\nHost: app.example\r\n${fields}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

function chunked(...pieces: readonly string[]): string {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
  return `POST /up HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

/** What follows the head of a request. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

/** Bytes in which a piece that is missing, doubled or in the wrong place is seen. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

describe('proxy-body-size', () => {
  it.each([
    ['absent: 1m', {}, 1_048_576, 200],
    ['absent: 1m, and a byte more', {}, 1_048_577, 413],
    ['10: ten bytes', { 'proxy-body-size': '10' }, 10, 200],
    ['10: eleven', { 'proxy-body-size': '10' }, 11, 413],
    ['2k', { 'proxy-body-size': '2k' }, 2048, 200],
    ['2K', { 'proxy-body-size': '2K' }, 2049, 413],
    ['10b', { 'proxy-body-size': '10b' }, 11, 413],
    ['2m', { 'proxy-body-size': '2m' }, 2_000_000, 200],
    ['0: no limit', { 'proxy-body-size': '0' }, 1_100_000, 200],
    ['nonsense: 1m', { 'proxy-body-size': 'unlimited' }, 1_048_577, 413],
    ['nonsense: 1m, which is enough', { 'proxy-body-size': '-1' }, 100, 200],
    ['quotes and braces: 1m', { 'proxy-body-size': '1m; } server {' }, 100, 200],
  ])('%s', async (_, annotations, length, status) => {
    for (const requestBuffering of [true, false]) {
      const { client, backend } = await scene(annotations, { requestBuffering });
      client.send(post('x'.repeat(length)));
      expect((await client.response()).status).toBe(status);
      // By Content-Length, before anything is asked.
      if (status === 413) expect(backend.received).toEqual([]);
    }
  });

  it('is looked at while a body is read whose length nobody said', async () => {
    const { client, backend } = await scene({ 'proxy-body-size': '10' });
    client.send(chunked('12345', '67890'));
    expect((await client.response()).status).toBe(200);
    client.send(chunked('12345', '67890', 'x'));
    expect((await client.response()).status).toBe(413);
    expect(backend.received).toHaveLength(1);
    await client.closed();
  });

  it('says which value it does not take', async () => {
    const { diagnostics } = await scene({ 'proxy-body-size': 'x'.repeat(65_536) });
    expect(diagnostics).toEqual(['warning metadata.annotations[nginx.ingress.kubernetes.io/proxy-body-size]']);
  });
});

describe('proxy-request-buffering', () => {
  it.each([
    ['absent: on', {}, true],
    ['on', { 'proxy-request-buffering': 'on' }, true],
    ['ON', { 'proxy-request-buffering': 'ON' }, true],
    ['off', { 'proxy-request-buffering': 'off' }, false],
    ['nonsense: on', { 'proxy-request-buffering': 'yes' }, true],
  ])('%s', async (_, annotations, whole) => {
    const { client, backend, got } = await scene(annotations);
    client.send('POST /up HTTP/1.1\r\nHost: app.example\r\nContent-Length: 6\r\n\r\nabc');
    const other = await stage.client(client.socket.remotePort!);
    // Whoever comes later is served meanwhile.
    expect((await other.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
    if (whole) expect(backend.received.join('')).not.toContain('POST');
    else await eventually(() => backend.received.some((text) => text.includes('\r\n\r\nabc')));
    client.send('def');
    expect((await client.response()).status).toBe(200);
    if (whole) expect(bodyOf(got().slice(got().indexOf('POST')))).toBe('abcdef');
  });

  it('sends what came in chunks with its length', async () => {
    const { client, got } = await scene({});
    client.send(chunked('abc', 'defgh'));
    expect((await client.response()).status).toBe(200);
    expect(got()).toContain('\r\nContent-Length: 8\r\n');
    expect(got()).not.toMatch(/transfer-encoding/i);
    expect(bodyOf(got())).toBe('abcdefgh');
  });

  it('sends an empty body in chunks with length 0', async () => {
    const { client, got } = await scene({});
    client.send(chunked());
    expect((await client.response()).status).toBe(200);
    expect(got()).toContain('\r\nContent-Length: 0\r\n\r\n');
  });

  it('keeps chunks where trailers follow, and the trailers', async () => {
    const { client, got } = await scene({});
    client.send(chunked('abc').replace(/\r\n\r\n$/, '\r\nX-Sum: 1\r\n\r\n'));
    expect((await client.response()).status).toBe(200);
    expect(bodyOf(got())).toBe('3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  it('tells a client that waits for 100 to go on, before a backend is asked', async () => {
    const { client, backend } = await scene({});
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    expect((await client.response()).status).toBe(100);
    expect(backend.received).toEqual([]);
    client.send('abc');
    expect((await client.response()).status).toBe(200);
  });

  it('sends the whole body again to the next endpoint', async () => {
    const body = pattern(300_000);
    const failing = stage.opened(await wholeBackend(() => null));
    const backend = stage.opened(await wholeBackend());
    const proxy = await serve([ingress({}), ...service('app', [failing.port, backend.port])], {
      proxy: { requestBuffering: true, upstreamRetryBudget: 0 },
    });
    stage.watched(proxy);
    // Both have their turn to be the first.
    for (let i = 0; i < 4; i++) {
      const client = await stage.client(proxy.port);
      client.send(post(body).toString('latin1').replace('POST', 'PUT'));
      expect((await client.response()).status).toBe(200);
    }
    expect(failing.requests.length).toBeGreaterThan(0);
    expect(backend.requests).toHaveLength(4);
    for (const request of [...failing.requests, ...backend.requests]) expect(request.body.equals(body)).toBe(true);
  });

  it('does not get in the way of the next request on the connection', async () => {
    const bodies = [Buffer.from('one'), pattern(200_000), Buffer.from('three')];
    const backend = stage.opened(await wholeBackend());
    const proxy = await serve([ingress({}), ...service('app', [backend.port])], { proxy: { requestBuffering: true } });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send(Buffer.concat(bodies.map((body) => post(body))));
    for (let i = 0; i < 3; i++) expect((await client.response()).status).toBe(200);
    expect(backend.requests.map(({ body }, at) => body.equals(bodies[at]!))).toEqual([true, true, true]);
  });

  it('a client that is too slow gets 408, and no backend hears of it', async () => {
    const { client, backend } = await scene({}, { clientBodyTimeout: 300 });
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 6\r\n\r\nabc');
    expect((await client.response()).status).toBe(408);
    expect(backend.received).toEqual([]);
  });
});

describe('client-body-buffer-size', () => {
  it.each([
    ['absent: 64k stay in memory', {}, 65_536, 0],
    ['absent: a byte more does not', {}, 65_537, 1],
    ['1k', { 'client-body-buffer-size': '1k' }, 1025, 1],
    ['1k, and no more', { 'client-body-buffer-size': '1k' }, 1024, 0],
    ['1m', { 'client-body-buffer-size': '1m' }, 1_000_000, 0],
    ['1g means 4m', { 'client-body-buffer-size': '1g', 'proxy-body-size': '8m' }, 4_194_305, 1],
    ['nonsense: 64k', { 'client-body-buffer-size': 'much' }, 65_537, 1],
  ])('%s', async (_, annotations, length, files) => {
    const body = pattern(length);
    const backend = stage.opened(await wholeBackend());
    let opened = 0;
    const fileSystem = { ...fs, open: ((...all: Parameters<typeof fs.open>) => (opened++, fs.open(...all))) as typeof fs.open };
    const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], {
      proxy: { requestBuffering: true },
      fileSystem,
    });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`);
    client.send(body);
    client.send('\r\n0\r\n\r\n');
    expect((await client.response()).status).toBe(200);
    expect(backend.requests.map((request) => request.body.equals(body))).toEqual([true]);
    expect(backend.requests[0]!.headers['content-length']).toBe(String(length));
    expect(opened).toBe(files);
  });
});
