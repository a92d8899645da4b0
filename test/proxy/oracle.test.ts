/**
 * Random valid exchanges through Sluice and through http-proxy, which a Node user would pick instead: what reaches the backend
 * and what comes back must be the same, but for what each hop adds and removes. Where http-proxy is wrong it is not asked:
 * trailers, which it loses; DELETE and OPTIONS without a Content-Length, to which it gives one; characters in targets that it escapes, and
 * "//"; fields of one hop.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import httpProxy from 'http-proxy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { group, host, prefixRoute, startProxy, table, type TestProxy } from '../support/proxy.ts';

type Field = readonly [name: string, value: string];

/** A body, in the pieces it is written in. `length`: by Content-Length; `close`: to the end of the connection. */
interface Content {
  readonly pieces: readonly Buffer[];
  readonly framing: 'length' | 'chunked' | 'close';
  readonly trailers: readonly Field[];
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly Field[];
  readonly content: Content;
  readonly answer: { readonly status: number; readonly fields: readonly Field[]; readonly content: Content };
}

/** A message as it arrived. */
interface Seen {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** Fields of one hop, of the proxies' own, and those whose value is the moment's. */
const NOT_COMPARED = /^(?:connection|keep-alive|transfer-encoding|te|date|x-request-id|x-real-ip|x-scheme|x-forwarded-.*)$/;
const BODILESS = new Set([204, 304]);

let sent: Sent;
let seen: Seen;
let backend: http.Server;
let oracle: http.Server;
let sluice: TestProxy;
const behindOracle = new http.Agent({ keepAlive: true });
/** One connection to each proxy, used again and again. */
const clients = { sluice: new http.Agent({ keepAlive: true, maxSockets: 1 }), oracle: new http.Agent({ keepAlive: true, maxSockets: 1 }) }; // prettier-ignore

/** Lines with one name are one list (RFC 9110 §5.3), and http-proxy makes one line of them; but not of cookies. */
function comparable(rawHeaders: readonly string[]): string[] {
  const values = new Map<string, string[]>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!NOT_COMPARED.test(name)) values.set(name, [...(values.get(name) ?? []), rawHeaders[i + 1]!]);
  }
  return [...values].map(([name, list]) => `${name}: ${list.join(name === 'set-cookie' ? '\n' : ', ').trimEnd()}`).toSorted();
}

async function arrived(line: string, message: http.IncomingMessage): Promise<Seen> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return {
    line,
    fields: comparable(message.rawHeaders),
    body: Buffer.concat(parts).toString('hex'),
    trailers: comparable(message.rawTrailers),
  };
}

async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function framing({ pieces, framing: kind, trailers }: Content): Field[] {
  if (kind === 'chunked') return [['Transfer-Encoding', 'chunked'], ...trailers.map(([name]): Field => ['Trailer', name])];
  if (kind === 'close') return [['Connection', 'close']];
  return [['Content-Length', String(pieces.reduce((sum, { length }) => sum + length, 0))]];
}

function write(message: http.OutgoingMessage, { pieces, trailers, framing: kind }: Content): void {
  for (const piece of pieces) message.write(piece);
  if (kind === 'chunked' && trailers.length > 0) message.addTrailers([...trailers] as [string, string][]);
  message.end();
}

/** The backend: notes what came, and answers as the exchange says. */
async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  seen = await arrived(`${request.method} ${request.url}`, request);
  const { status, fields, content } = sent.answer;
  if (content.framing === 'close') response.useChunkedEncodingByDefault = false;
  const bodiless = BODILESS.has(status);
  // A 304 may announce what it does not send.
  const announced = bodiless || request.method === 'HEAD' ? { ...content, trailers: [] } : content;
  for (const [name, text] of [...fields, ...(status === 204 ? [] : framing(announced))]) response.appendHeader(name, text);
  response.writeHead(status);
  if (bodiless || request.method === 'HEAD') response.end();
  else write(response, content);
}

beforeAll(async () => {
  backend = http.createServer((request, response) => {
    void answer(request, response);
  });
  const port = await listen(backend);
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${port}`, agent: behindOracle });
  oracle = http.createServer((request, response) => proxy.web(request, response));
  await listen(oracle);
  sluice = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', [port])]));
});

afterAll(async () => {
  for (const agent of [behindOracle, clients.sluice, clients.oracle]) agent.destroy();
  await sluice.close();
  for (const server of [oracle, backend]) server.closeAllConnections();
  for (const server of [oracle, backend]) server.close();
});

/** What the backend saw, and what came back. */
async function through(port: number, agent: http.Agent): Promise<{ seen: Seen; returned: Seen }> {
  const { method, path, fields, content } = sent;
  const headers = [
    ['Host', 'app.example'],
    ['TE', 'trailers'],
    ...fields,
    ...(content.pieces.length === 0 ? [] : framing(content)),
  ];
  const request = http.request({ port, host: '127.0.0.1', method, path, agent, headers: headers.flat() });
  write(request, content);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const returned = await arrived(`${response.statusCode} ${response.statusMessage}`, response);
  // http-proxy knows the length of a body that is not there.
  const unframed = sent.answer.content.framing === 'close';
  return {
    seen,
    returned: unframed ? { ...returned, fields: returned.fields.filter((line) => line !== 'content-length: 0') } : returned,
  };
}

const token = fc
  .string({ unit: fc.constantFrom(...'abcXYZ09-'.split('')), minLength: 1, maxLength: 8 })
  .map((text) => `X-T${text}`);
const value = fc
  .string({ unit: fc.constantFrom(...'abc 09;,="/\\{}~\xe4'.split('')), maxLength: 30 })
  .map((text) => text.trim());
const field = fc.tuple(fc.oneof(token, fc.constant('X-Often')), value);
const fields = fc.array(field, { maxLength: 8 });
const cookies = fc.array(fc.tuple(fc.constant('Set-Cookie'), fc.constantFrom('a=b', 'c="d, e"; Path=/', '')), { maxLength: 3 });
const trailers = fc.uniqueArray(field, { maxLength: 3, selector: ([name]) => name.toLowerCase() });
const size = fc.oneof(fc.constant(0), fc.nat(200), fc.nat(100_000));
const pieces = fc.oneof(
  fc.constant([]),
  fc.array(fc.tuple(size, fc.nat(255)).map(([length, byte]) => Buffer.alloc(length, Buffer.from([byte, 13, 10, 48]))), { maxLength: 4 }), // prettier-ignore
);
const NO_CONTENT: Content = { pieces: [], framing: 'length', trailers: [] };
const path = fc
  .array(
    fc.constantFrom(
      'a',
      'B',
      '.',
      '-',
      '~',
      '/',
      '?',
      '=',
      '&',
      '%2F',
      '%20',
      '%41',
      '%e4',
      '%c3%a4',
      '%3f',
      ';',
      ':',
      '@',
      '!',
      '$',
      '(',
      ')',
      '*',
      ',',
      '+',
      '_',
    ),
    { maxLength: 16 },
  ) // prettier-ignore
  .map((parts) => `/${parts.join('')}`)
  // Dot segments are resolved here, or refused; "//" is what http-proxy gets wrong.
  .filter((text) => !text.includes('//') && !/\/\.\.?(?:[/?;]|$)/.test(text.replaceAll('%2F', '/')));

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT', 'MKCOL', 'LOCK', 'M-SEARCH', 'PURGE', 'QUERY']; // prettier-ignore

/** `trailing`: with trailers, which http-proxy does not pass on. */
function exchanges(trailing: boolean): fc.Arbitrary<Sent> {
  const some = trailing ? trailers : fc.constant([]);
  return fc
    .record({
      method: fc.constantFrom(...METHODS),
      path,
      fields,
      content: fc.record({ pieces, framing: fc.constantFrom('length', 'chunked'), trailers: some }),
      answer: fc.record({
        status: fc.constantFrom(200, 200, 201, 204, 206, 302, 304, 404, 418, 500, 503),
        fields: fc.tuple(fields, cookies).map((both) => both.flat()),
        content: fc.record({ pieces, framing: fc.constantFrom('length', 'chunked', 'close'), trailers: some }),
      }),
    })
    .map((one) => {
      const [bodiless, sized] = [['GET', 'HEAD'].includes(one.method), ['DELETE', 'OPTIONS'].includes(one.method)];
      if (bodiless || one.content.pieces.length === 0)
        return { ...one, method: sized ? 'GET' : one.method, content: NO_CONTENT };
      return sized ? { ...one, content: { ...one.content, framing: 'length', trailers: [] } } : one;
    });
}

describe('exchanges on one connection', () => {
  it('are the same through Sluice as through http-proxy', async () => {
    const { port } = oracle.address() as AddressInfo;
    await fc.assert(
      fc.asyncProperty(fc.array(exchanges(false), { minLength: 1, maxLength: 4 }), async (sequence) => {
        for (sent of sequence) {
          const expected = await through(port, clients.oracle);
          expect(await through(sluice.port, clients.sluice)).toEqual(expected);
        }
      }),
      { numRuns: 120, seed: 20_261_122 },
    );
  });

  it('are the same with trailers at the other end of Sluice', async () => {
    await fc.assert(
      fc.asyncProperty(exchanges(true), async (one) => {
        sent = one;
        const { returned, seen: arrivedThere } = await through(sluice.port, clients.sluice);
        expect(arrivedThere.trailers).toEqual(trailersOf(one.content));
        const { status, content } = one.answer;
        const none = one.method === 'HEAD' || BODILESS.has(status);
        expect(returned.trailers).toEqual(none ? [] : trailersOf(content));
        expect(returned.body).toBe(none ? '' : Buffer.concat(content.pieces).toString('hex'));
        expect(arrivedThere.body).toBe(Buffer.concat(one.content.pieces).toString('hex'));
      }),
      { numRuns: 80, seed: 20_261_122 },
    );
  });
});

function trailersOf({ framing: kind, trailers: list }: Content): string[] {
  return kind === 'chunked' ? comparable(list.flat()) : [];
}
