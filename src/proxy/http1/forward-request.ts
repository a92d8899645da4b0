/**
 * The request head as the upstream gets it: the client's request line and fields, and in front of them the fields that
 * ingress-nginx sets (rootfs/etc/nginx/template/nginx.tmpl), which no client can strip or forge.
 */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Route } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { validHost } from '../host.ts';
import { trimOws } from './head/hop-by-hop.ts';
import type { Sink } from '../outbox.ts';
import type { RequestHead } from './head/request-head.ts';

/** What of the client's connection the upstream is told. */
export interface ClientInfo {
  readonly scheme: 'http' | 'https';
  /** The address of the peer, without IPv6's prefix for IPv4 addresses. */
  readonly address: string;
}

/** What is forwarded about one request, after trust in the client's own X-Forwarded-* was decided. */
export interface ForwardedInfo {
  readonly scheme: string;
  readonly clientAddress: string;
  /** The host with its port, as the client wrote it. */
  readonly host: string;
}

/** `address`: as the socket says it. */
export function clientInfo(address: string, scheme: 'http' | 'https'): ClientInfo {
  return { scheme, address: address.startsWith('::ffff:') ? address.slice(7) : address };
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

/** The port clients see: as configured, or the one we bound. */
function serverPort(scheme: string, settings: ProxySettings): string {
  return String(
    scheme === 'https' ? settings.publicHttpsPort || settings.httpsPort : settings.publicHttpPort || settings.httpPort,
  );
}

function schemeFields(scheme: string, port: string): string {
  return `X-Forwarded-Port: ${port}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Scheme: ${scheme}\r\nX-Scheme: ${scheme}\r\n`;
}

/** Decides what to believe of the client's X-Forwarded-*: nothing, unless `use-forwarded-headers` is set. */
export function forwardedInfo(head: RequestHead, client: ClientInfo, settings: ProxySettings): ForwardedInfo {
  if (!settings.useForwardedHeaders) return { scheme: client.scheme, clientAddress: client.address, host: head.host };
  const forwardedHost = trimOws(head.forwardedHost.split(',', 1)[0]!);
  const first = trimOws(head.forwardedFor.split(',', 1)[0]!);
  return {
    scheme: /^https?$/i.test(head.forwardedProto) ? head.forwardedProto.toLowerCase() : client.scheme,
    clientAddress: isIP(first) === 0 ? client.address : first,
    host: validHost(forwardedHost) ? forwardedHost : head.host,
  };
}

/** What ingress-nginx tells an Ingress's own default backend about the Service it stands in for. */
export function fallbackFields({ ingress, service }: Route, accept: string): string {
  const format = accept === '' ? '' : `X-Format: ${accept}\r\n`;
  const from = `X-Namespace: ${ingress?.namespace ?? ''}\r\nX-Ingress-Name: ${ingress?.name ?? ''}\r\n`;
  return `X-Code: 503\r\n${format}${from}X-Service-Name: ${service?.name ?? ''}\r\nX-Service-Port: ${service?.port ?? ''}\r\n`;
}

/** What follows the request target and is the same for all requests of a connection for one host, up to the request's id. */
function fixedFields(host: string, { scheme, address }: ClientInfo, settings: ProxySettings): string {
  return flat(
    ` HTTP/1.1\r\nHost: ${host}\r\nX-Real-IP: ${address}\r\nX-Forwarded-For: ${address}\r\n` +
      `${schemeFields(scheme, serverPort(scheme, settings))}X-Forwarded-Host: ${host}\r\n`,
  );
}

/** The same, where the client's own X-Forwarded-* are believed. */
function trustingFields(head: RequestHead, client: ClientInfo, settings: ProxySettings): string {
  const info = forwardedInfo(head, client, settings);
  const full = settings.computeFullForwardedFor && head.forwardedFor !== '';
  const port =
    /^\d{1,5}$/.test(head.forwardedPort) && Number(head.forwardedPort) < 65_536
      ? head.forwardedPort
      : serverPort(info.scheme, settings);
  return (
    ` HTTP/1.1\r\nHost: ${info.host}\r\nX-Real-IP: ${info.clientAddress}\r\n` +
    `X-Forwarded-For: ${full ? `${head.forwardedFor}, ${client.address}` : info.clientAddress}\r\n` +
    `${schemeFields(info.scheme, port)}X-Forwarded-Host: ${info.host}\r\n`
  );
}

/** In one piece of memory: a string put together of others is slow to copy. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
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

  /** Sends the whole head, to the empty line. `extra`: further lines with CRLF. */
  send(sink: Sink, head: RequestHead, settings: ProxySettings, requestId: string, extra: string): void {
    sink.text(head.requestLine);
    sink.text(settings.useForwardedHeaders ? trustingFields(head, this.#client, settings) : this.#fixedFields(head, settings));
    if (requestId !== '') {
      sink.text('X-Request-ID: ');
      sink.text(requestId);
      sink.text('\r\n');
    }
    if (head.forwardedFor !== '') sink.text(`X-Original-Forwarded-For: ${head.forwardedFor}\r\n`);
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
