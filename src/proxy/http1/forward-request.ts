/**
 * The request head as the upstream gets it: the client's request line and fields, and in front of them the fields that
 * ingress-nginx sets (rootfs/etc/nginx/template/nginx.tmpl), which no client can strip or forge.
 */
import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ProxySettings } from '../../settings/settings.ts';
import type { ClientCertificate } from '../client-auth/certificate.ts';
import { validHost } from '../routing/host.ts';
import { plainAddress, type ProxyHeader } from '../listener/proxy-protocol.ts';
import { fieldValue, type RequestChanges } from '../../policies/changes.ts';
import { clientAddress, forwardedFor } from './client-address.ts';
import { trimOws } from './head/hop-by-hop.ts';
import type { Sink } from '../outbox.ts';
import { TextSink } from '../text-sink.ts';
import type { RequestHead } from './head/request-head.ts';

/** What of the client's connection the upstream is told. */
export interface ClientInfo {
  readonly scheme: 'http' | 'https';
  /** The client's, as a trusted peer's PROXY header says it, or the peer's; without IPv6's prefix for IPv4 addresses. */
  readonly address: string;
  /** The port the client connected to, as that header says it; null without one. */
  readonly proxiedPort: number | null;
  /** What the client showed, where the host of its handshake asks for certificates; null elsewhere. */
  readonly certificate: ClientCertificate | null;
  /** Its TLS, to be asked what was agreed; null: plain. */
  readonly tls: TLSSocket | null;
}

/** What is forwarded about one request, after trust in the client's own X-Forwarded-* was decided. */
export interface ForwardedInfo {
  readonly scheme: string;
  readonly clientAddress: string;
  /** The host with its port, as the client wrote it. */
  readonly host: string;
}

/** `address`: as the socket says it. `proxied`: the PROXY header of a trusted peer. `certificate`: where one was asked for. */
export function clientInfo(
  address: string,
  scheme: 'http' | 'https',
  proxied: ProxyHeader | null = null,
  certificate: ClientCertificate | null = null,
  tls: TLSSocket | null = null,
): ClientInfo {
  const { source = null, destination = null } = proxied ?? {};
  const proxiedPort = destination?.port ?? null;
  return { scheme, address: source?.address ?? plainAddress(address), proxiedPort, certificate, tls };
}

/** A load balancer that terminates TLS for port 443 says so by that port only (ingress-nginx, lua_ingress.lua). */
function schemeOf(client: ClientInfo): 'http' | 'https' {
  return client.proxiedPort === 443 ? 'https' : client.scheme;
}

/** Random bytes in hexadecimal, made for many requests at once. */
let random = '';
let randomAt = 0;

/** 16 random bytes in hexadecimal, as nginx's `$request_id`. */
export function newRequestId(): string {
  if (randomAt === random.length) {
    random = randomBytes(4096).toString('hex');
    randomAt = 0;
  }
  randomAt += 32;
  return random.slice(randomAt - 32, randomAt);
}

/** The port clients see: as a PROXY header says it, as configured, or the one we bound. */
function serverPort(scheme: string, client: ClientInfo, settings: ProxySettings): string {
  const { proxiedPort } = client;
  if (proxiedPort !== null && proxiedPort !== settings.httpPort && proxiedPort !== settings.httpsPort)
    return String(proxiedPort);
  return String(
    scheme === 'https' ? settings.publicHttpsPort || settings.httpsPort : settings.publicHttpPort || settings.httpPort,
  );
}

function schemeFields(scheme: string, port: string): string {
  return `X-Forwarded-Port: ${port}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Scheme: ${scheme}\r\nX-Scheme: ${scheme}\r\n`;
}

/** Decides what to believe of the client's X-Forwarded-*: nothing, unless `use-forwarded-headers` is set. */
export function forwardedInfo(head: RequestHead, client: ClientInfo, settings: ProxySettings): ForwardedInfo {
  const address = clientAddress(head, client, settings);
  if (!settings.useForwardedHeaders) return { scheme: schemeOf(client), clientAddress: address, host: head.host };
  const forwardedHost = trimOws(head.forwardedHost.split(',', 1)[0]!);
  return {
    scheme:
      client.proxiedPort !== 443 && /^https?$/i.test(head.forwardedProto)
        ? head.forwardedProto.toLowerCase()
        : schemeOf(client),
    clientAddress: address,
    host: validHost(forwardedHost) ? forwardedHost : head.host,
  };
}

/** What follows the request target and is the same for all requests of a connection for one host, up to the request's id. */
function fixedFields(host: string, client: ClientInfo, settings: ProxySettings): string {
  const { address } = client;
  const scheme = schemeOf(client);
  return flat(
    ` HTTP/1.1\r\nHost: ${host}\r\nX-Real-IP: ${address}\r\nX-Forwarded-For: ${address}\r\n` +
      `${schemeFields(scheme, serverPort(scheme, client, settings))}X-Forwarded-Host: ${host}\r\n`,
  );
}

/** X-Forwarded-For as the upstream gets it. `believed`: the client's address. */
export function forwardedForValue(head: RequestHead, client: ClientInfo, settings: ProxySettings, believed: string): string {
  if (!settings.useForwardedHeaders || !settings.computeFullForwardedFor) return believed;
  const said = forwardedFor(head, settings);
  return said === '' ? client.address : `${said}, ${client.address}`;
}

/** The same, where the client's own X-Forwarded-*, or one of them, are believed. */
function trustingFields(head: RequestHead, client: ClientInfo, settings: ProxySettings): string {
  const info = forwardedInfo(head, client, settings);
  const port =
    settings.useForwardedHeaders && /^\d{1,5}$/.test(head.forwardedPort) && Number(head.forwardedPort) < 65_536
      ? head.forwardedPort
      : serverPort(info.scheme, client, settings);
  return (
    ` HTTP/1.1\r\nHost: ${info.host}\r\nX-Real-IP: ${info.clientAddress}\r\n` +
    `X-Forwarded-For: ${forwardedForValue(head, client, settings, info.clientAddress)}\r\n` +
    `${schemeFields(info.scheme, port)}X-Forwarded-Host: ${info.host}\r\n`
  );
}

/** In one piece of memory: a string put together of others is slow to copy. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** A whole head, to its empty line, with other fields, method, host or version. */
function changedHead(text: string, changes: RequestChanges): string {
  const { method, host, removed, lines, http10, connection } = changes;
  const space = text.indexOf(' ');
  const lineEnd = text.indexOf('\r\n');
  let changed = method === null ? text.slice(0, lineEnd) : method + text.slice(space, lineEnd);
  if (http10) changed = `${changed.slice(0, -1)}0`;
  changed += '\r\n';
  let names = removed;
  const safeHost = host === null ? '' : fieldValue(host);
  if (safeHost !== '') {
    names = [...names, 'host'];
    changed += `Host: ${safeHost}\r\n`;
  }
  if (changes.ofConnection) {
    // Without "Connection: upgrade", Upgrade asks for nothing (RFC 9110 §7.8).
    names = [...names, 'connection', 'upgrade'];
    changed += `Connection: ${connection ?? 'close'}\r\n`;
  }
  return `${changed}${withoutAll(text, lineEnd + 2, text.length - 2, names)}${lines}\r\n`;
}

/** The lines from `start` to `end` without those of these names, in lower case. */
function withoutAll(text: string, start: number, end: number, names: readonly string[]): string {
  let lengths = 0;
  for (const name of names) lengths |= 1 << (name.length & 31);
  let kept = '';
  let from = start;
  for (let at = start, next = 0; at < end; at = next) {
    next = text.indexOf('\r\n', at) + 2;
    const colon = text.indexOf(':', at);
    if (((lengths >>> ((colon - at) & 31)) & 1) === 0 || !names.includes(text.slice(at, colon).toLowerCase())) continue;
    kept += text.slice(from, at);
    from = next;
  }
  return kept + text.slice(from, end);
}

/** Sends the heads of a connection's requests to upstreams. */
export class HeadForwarder {
  readonly #client: ClientInfo;
  #fixed = '';
  /** What `#fixed` was made of. */
  #host: string | null = null;
  #settings: ProxySettings | null = null;

  constructor(client: ClientInfo) {
    this.#client = client;
  }

  /** Sends the whole head, to the empty line. `extra`: further lines with CRLF. `changes`: what policies want otherwise. */
  send(
    sink: Sink,
    head: RequestHead,
    settings: ProxySettings,
    requestId: string,
    extra: string,
    changes: RequestChanges | null,
  ): void {
    if (changes === null || !changes.ofFields) return this.#send(sink, head, settings, requestId, extra);
    const text = new TextSink();
    this.#send(text, head, settings, requestId, extra);
    sink.text(changedHead(text.value, changes));
  }

  #send(sink: Sink, head: RequestHead, settings: ProxySettings, requestId: string, extra: string): void {
    sink.text(head.requestLine);
    const trusting = settings.useForwardedHeaders || settings.enableRealIp;
    sink.text(trusting ? trustingFields(head, this.#client, settings) : this.#fixedFields(head, settings));
    if (requestId !== '') {
      sink.text('X-Request-ID: ');
      sink.text(requestId);
      sink.text('\r\n');
    }
    const said = trusting ? forwardedFor(head, settings) : head.forwardedFor;
    if (said !== '') sink.text(`X-Original-Forwarded-For: ${said}\r\n`);
    if (head.forwardedHost !== '') sink.text(`X-Original-Forwarded-Host: ${head.forwardedHost}\r\n`);
    if (settings.addOriginalUriHeader) sink.text(`X-Original-URI: ${head.target}\r\n`);
    if (extra !== '') sink.text(extra);
    head.runs.sendText(sink, head.text);
    if (head.rewriteLength) sink.text(`Content-Length: ${head.contentLength}\r\n`);
    if (head.chunked) sink.text('Transfer-Encoding: chunked\r\n');
    if (head.upgrade !== '') sink.text(`Upgrade: ${head.upgrade}\r\nConnection: upgrade\r\n`);
    sink.text('\r\n');
  }

  #fixedFields(head: RequestHead, settings: ProxySettings): string {
    if (head.host !== this.#host || settings !== this.#settings) {
      this.#fixed = fixedFields(head.host, this.#client, settings);
      // A slice would keep the whole head as long as the connection.
      this.#host = flat(head.host);
      this.#settings = settings;
    }
    return this.#fixed;
  }
}
