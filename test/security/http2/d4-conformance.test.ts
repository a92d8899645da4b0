/**
 * D4. A client that breaks the protocol, by mistake or on purpose, gets the error that RFC 9113 asks for, and harms nobody else.
 * Source: RFC 9113 §3–§8 and RFC 7541, in the cases of h2spec (summerwind/h2spec); held against bare `node:http2`, which the sessions are made of.
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CODE, headers, request } from '../../support/http2/frames.ts';
import { type Outcome, RawHttp2 } from '../../support/http2/raw.ts';
import { readingBackend, type ReadingBackend } from '../../support/http2/stage.ts';
import { makeCertificate } from '../../support/pki.ts';
import type { TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { type ConformanceCase, type Expected, FRAME_CASES, NODES_WAY } from './conformance.ts';
import { MESSAGE_CASES } from './conformance-messages.ts';

const CASES = [...FRAME_CASES, ...MESSAGE_CASES];

/** What an outcome means: whether a connection is found closed or its GOAWAY is seen first is chance. */
function kind(outcome: Outcome): string {
  return outcome === 'closed' ? 'goaway' : outcome.split(' ')[0]!;
}

const stage = new Stage();
let backend: ReadingBackend;
let proxy: TestProxy;
let bare: http2.Http2SecureServer;

beforeAll(async () => {
  backend = stage.opened(await readingBackend());
  proxy = await stage.proxyTo([backend.port]);
  const { cert, key } = makeCertificate({ names: ['app.example'] });
  bare = http2.createSecureServer({ cert, key, settings: { maxConcurrentStreams: 128 } }, (incoming, response) => {
    incoming.on('end', () => response.end('ok'));
    incoming.resume();
  });
  bare.on('sessionError', () => undefined);
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');
});

afterAll(async () => {
  bare.close();
  await stage.close();
});

async function outcomeOf({ act, expected, silent }: ConformanceCase, port: number): Promise<Outcome> {
  const client = stage.opened(silent ? await RawHttp2.silent(port) : await RawHttp2.connect(port));
  await act(client);
  const wantsStatus = typeof expected === 'object' && 'status' in expected;
  const outcome = await (wantsStatus || silent ? client.outcome(1) : client.errorOrAlive(1));
  // An error of the connection also ends it (RFC 9113 §5.4.1).
  if (outcome.startsWith('goaway')) await client.gone();
  client.close();
  return outcome;
}

function allowed(expected: Expected): readonly Outcome[] {
  if (expected === 'alive') return ['alive'];
  if ('status' in expected) return [`status ${expected.status}`];
  if ('connection' in expected) return [...expected.connection.map((code) => `goaway ${code}`), 'closed'];
  // A malformed request may be answered first (RFC 9113 §8.1.1).
  const answer = expected.stream.includes(CODE.protocol) ? ['status 400'] : [];
  return [...expected.stream.flatMap((code) => [`reset ${code}`, `goaway ${code}`]), 'closed', ...answer];
}

describe('D4: RFC 9113', () => {
  it('is covered as h2spec covers it', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(90);
    expect(new Set(CASES.map(({ section, title }) => `${section} ${title}`)).size).toBe(CASES.length);
  });

  it.for(CASES)('§$section: $title', async (one) => {
    const before = backend.requests.length;
    const ours = await outcomeOf(one, proxy.httpsPort);
    const nodesWay = NODES_WAY.get(`${one.section} ${one.title}`);
    if (nodesWay === undefined) expect(allowed(one.expected)).toContain(ours);
    else expect([nodesWay, nodesWay.startsWith('goaway') ? 'closed' : '']).toContain(ours);
    const isMalformed = typeof one.expected === 'object' && !('status' in one.expected);
    // A request may be on its way before its body turns out wrong; it is never whole then.
    if (isMalformed)
      expect(backend.requests.slice(before).filter(({ complete, method }) => complete && method === 'POST')).toEqual([]);
    const bares = await outcomeOf(one, (bare.address() as AddressInfo).port);
    // Bare, it refuses CONNECT as everything that has no handler, and answers what is malformed with a reset only.
    if (!ours.startsWith('status 4')) expect(kind(ours)).toBe(kind(bares));
  });

  it('§5.1.2: a stream beyond the limit never reaches a backend', async () => {
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    const before = backend.requests.length;
    const last = 1 + 2 * 128;
    for (let id = 1; id <= last; id += 2) client.send(headers(id, request('/', 'POST'), false));
    const outcome = await client.errorOrAlive(last);
    // nghttp2 makes an error of the connection of it, once the limit was acknowledged (RFC 9113 §5.4.2 allows it).
    expect([`reset ${CODE.refused}`, `goaway ${CODE.protocol}`, 'closed']).toContain(outcome);
    expect(backend.requests.length - before).toBeLessThanOrEqual(128);
    client.close();
  });
});
