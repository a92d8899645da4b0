/** How a backend answers one request, directive by directive; see behaviour.ts for what there is. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from './behaviour.ts';

/** What is the same in every answer of one port of one Pod. */
export interface Identity {
  readonly pod: string;
  readonly namespace: string;
  readonly ip: string;
  readonly port: number;
  /** The beginning of the JSON: an object with the fields above, still open. */
  readonly prefix: string;
}

/** Prepares the part of the JSON that does not depend on the request. */
export function createIdentity(pod: string, namespace: string, ip: string, port: number): Identity {
  return { pod, namespace, ip, port, prefix: JSON.stringify({ pod, namespace, ip, port }).slice(0, -1) };
}

/** Lower-case names with their value, or their values when the name comes more than once. */
function headersJson(raw: readonly string[]): string {
  const headers = new Map<string, string | string[]>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    const before = headers.get(name);
    if (before === undefined) headers.set(name, value);
    else if (typeof before === 'string') headers.set(name, [before, value]);
    else before.push(value);
  }
  return JSON.stringify(Object.fromEntries(headers));
}

/** What was seen of the request's body when the answer is made. */
interface BodySeen {
  readonly length: number;
  readonly sha256?: string;
}

/** The JSON that describes a request: pod, namespace, ip, port, method, path, host, httpVersion, headers, bodyLength. */
export function describeRequest(identity: Identity, request: IncomingMessage, body: BodySeen): string {
  const { method, url, headers, httpVersion, rawHeaders, rawTrailers } = request;
  const trailers = rawTrailers.length > 0 ? `,"trailers":${headersJson(rawTrailers)}` : '';
  const hash = body.sha256 === undefined ? '' : `,"bodySha256":"${body.sha256}"`;
  return (
    `${identity.prefix},"method":${JSON.stringify(method)},"path":${JSON.stringify(url)},"host":${JSON.stringify(headers.host ?? '')}` +
    `,"httpVersion":"${httpVersion}","headers":${headersJson(rawHeaders)},"bodyLength":${body.length}${hash}${trailers}}\n`
  );
}

/** The answer to a request without a body that asks for nothing special: one write. */
export function answerPlain(identity: Identity, request: IncomingMessage, response: ServerResponse, close: boolean): void {
  const body = describeRequest(identity, request, { length: 0 });
  const length = Buffer.byteLength(body);
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(length)];
  if (close) headers.push('Connection', 'close');
  response.writeHead(200, headers).end(body);
}

/** True when the request announces a body (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

const PATTERN = Buffer.alloc(64 * 1024, '0123456789abcdef');

interface Body {
  /** Undefined: chunked. */
  readonly length: number | undefined;
  readonly pieces: Iterable<Buffer>;
  readonly count: number;
  readonly intervalMs: number;
  readonly type: string;
}

function* repeat(size: number, piece: number): Iterable<Buffer> {
  for (let left = size; left > 0; left -= piece) yield PATTERN.subarray(0, Math.min(left, piece));
}

function* chunks(count: number, size: number): Iterable<Buffer> {
  const chunk = size <= PATTERN.length ? PATTERN.subarray(0, size) : Buffer.alloc(size, PATTERN);
  for (let i = 0; i < count; i += 1) yield chunk;
}

function bodyOf(behaviour: Behaviour, json: () => string): Body {
  const plain = !behaviour.chunked && !behaviour.trailers;
  const type = 'application/octet-stream';
  if (behaviour.stream) {
    const { count, size, intervalMs } = behaviour.stream;
    return { length: undefined, pieces: chunks(count, size), count, intervalMs, type };
  }
  if (behaviour.size !== undefined) {
    const { size } = behaviour;
    const piece = PATTERN.length;
    return {
      length: plain ? size : undefined,
      pieces: repeat(size, piece),
      count: Math.ceil(size / piece),
      intervalMs: 0,
      type,
    };
  }
  const text = Buffer.from(json());
  // Two pieces, so that a reset in the body has something before it.
  const half = text.length >> 1;
  const pieces = [text.subarray(0, half), text.subarray(half)];
  return { length: plain ? text.length : undefined, pieces, count: 2, intervalMs: 0, type: 'application/json' };
}

function headOf(behaviour: Behaviour, length: number | undefined, type: string, close: boolean): string[] {
  const head = ['Content-Type', type];
  if (length !== undefined) head.push('Content-Length', String(length));
  if (close || behaviour.close) head.push('Connection', 'close');
  if (behaviour.trailers) head.push('Trailer', behaviour.trailers.map(([name]) => name).join(', '));
  for (const [name, value] of behaviour.headers ?? []) head.push(name, value);
  return head;
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Resets once the piece has left this process, as a reset overtakes what is still waiting here. */
function resetAfter(response: ServerResponse, piece: Buffer): void {
  response.write(piece, () => reset(response));
}

async function write(response: ServerResponse, piece: Buffer, signal: AbortSignal): Promise<void> {
  if (!response.write(piece)) await once(response, 'drain', { signal });
}

async function readBody(request: IncomingMessage, behaviour: Behaviour, signal: AbortSignal): Promise<BodySeen> {
  if (behaviour.early || !hasBody(request)) return { length: 0 };
  const hash = behaviour.hash ? createHash('sha256') : undefined;
  let length = 0;
  request.on('data', (piece: Buffer) => {
    length += piece.length;
    hash?.update(piece);
  });
  await once(request, 'end', { signal });
  return hash ? { length, sha256: hash.digest('hex') } : { length };
}

async function echo(
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: Behaviour,
  close: boolean,
  signal: AbortSignal,
) {
  const announced = request.headers['content-length'];
  const length = announced === undefined || behaviour.trailers ? undefined : Number(announced);
  const type = request.headers['content-type'] ?? 'application/octet-stream';
  response.writeHead(behaviour.status ?? 200, headOf(behaviour, hasBody(request) ? length : 0, type, close));
  response.flushHeaders();
  for await (const piece of request) {
    if (behaviour.reset === 'in-body') return resetAfter(response, piece as Buffer);
    await write(response, piece as Buffer, signal);
  }
  if (behaviour.trailers) response.addTrailers(behaviour.trailers as [string, string][]);
  response.end();
}

/**
 * Answers one request as `behaviour` says. `closing` is asked when the head is written: then the answer says `Connection: close`.
 * Rejects with an AbortError when the connection goes away first.
 */
export async function answer(
  identity: Identity,
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: Behaviour,
  closing: () => boolean,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { signal } = gone;
  const seen = behaviour.echo ? { length: 0 } : await readBody(request, behaviour, signal);
  if (behaviour.delayMs) await sleep(behaviour.delayMs, undefined, { signal });
  if (behaviour.reset === 'before-head') return reset(response);
  if (behaviour.hints) response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  if (behaviour.echo) return echo(request, response, behaviour, closing(), signal);
  const status = behaviour.status ?? 200;
  // Neither has a body, whatever else was asked for (RFC 9110 §15.3.5, §15.4.5).
  const body = status === 204 || status === 304 ? undefined : bodyOf(behaviour, () => describeRequest(identity, request, seen));
  if (!body) {
    response.writeHead(status, headOf(behaviour, undefined, 'application/json', closing()).slice(2)).end();
    return;
  }
  response.writeHead(status, headOf(behaviour, body.length, body.type, closing()));
  let sent = 0;
  for (const piece of body.pieces) {
    if (sent > 0 && body.intervalMs > 0) await sleep(body.intervalMs, undefined, { signal });
    sent += 1;
    if (behaviour.reset === 'in-body' && sent * 2 >= body.count) return resetAfter(response, piece);
    await write(response, piece, signal);
  }
  if (behaviour.trailers) response.addTrailers(behaviour.trailers as [string, string][]);
  response.end();
}
