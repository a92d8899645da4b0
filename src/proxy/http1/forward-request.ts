/**
 * The request head as the upstream gets it: the client's request line and fields, and in front of them the fields that
 * ingress-nginx sets (rootfs/etc/nginx/template/nginx.tmpl), which no client can strip or forge.
 */
import { randomFillSync } from 'node:crypto';
import { isIP } from 'node:net';
import type { Route } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { validHost } from '../host.ts';
import { trimOws } from './hop-by-hop.ts';
import type { RequestHead } from './request-head.ts';

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

const RANDOM = Buffer.alloc(4096);
let randomAt = RANDOM.length;

/** 16 random bytes in hexadecimal, as nginx's `$request_id`. */
export function newRequestId(): string {
  if (randomAt === RANDOM.length) {
    randomFillSync(RANDOM);
    randomAt = 0;
  }
  randomAt += 16;
  return RANDOM.toString('hex', randomAt - 16, randomAt);
}

/** The lines that are the same for every request of a connection. */
export function connectionFields(client: ClientInfo, settings: ProxySettings): string {
  const { scheme, address } = client;
  return `X-Real-IP: ${address}\r\nX-Forwarded-For: ${address}\r\n${schemeFields(scheme, serverPort(scheme, settings))}`;
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

/**
 * The whole head, to the empty line. `fixed`: from `connectionFields`. `extra`: further lines with CRLF. `framing` replaces
 * the client's Transfer-Encoding; its Content-Length is among the forwarded lines.
 */
export function forwardedHead(
  head: RequestHead,
  client: ClientInfo,
  settings: ProxySettings,
  fixed: string,
  requestId: string,
  extra: string,
): string {
  const info = settings.useForwardedHeaders ? forwardedInfo(head, client, settings) : null;
  const host = info === null ? head.host : info.host;
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${host}\r\n`;
  if (requestId !== '') text += `X-Request-ID: ${requestId}\r\n`;
  if (info === null) text += fixed;
  else {
    const full = settings.computeFullForwardedFor && head.forwardedFor !== '';
    const port =
      /^\d{1,5}$/.test(head.forwardedPort) && Number(head.forwardedPort) < 65_536
        ? head.forwardedPort
        : serverPort(info.scheme, settings);
    text += `X-Real-IP: ${info.clientAddress}\r\nX-Forwarded-For: ${full ? `${head.forwardedFor}, ${client.address}` : info.clientAddress}\r\n`;
    text += schemeFields(info.scheme, port);
  }
  text += `X-Forwarded-Host: ${host}\r\n`;
  if (head.forwardedFor !== '') text += `X-Original-Forwarded-For: ${head.forwardedFor}\r\n`;
  if (head.forwardedHost !== '') text += `X-Original-Forwarded-Host: ${head.forwardedHost}\r\n`;
  if (settings.addOriginalUriHeader) text += `X-Original-URI: ${head.target}\r\n`;
  if (extra !== '') text += extra;
  text += head.runs.lines(head.text);
  if (head.chunked) text += 'Transfer-Encoding: chunked\r\n';
  if (head.upgrade !== '') text += `Upgrade: ${head.upgrade}\r\nConnection: upgrade\r\n`;
  return `${text}\r\n`;
}
