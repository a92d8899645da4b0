/**
 * The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): a load balancer says before anything else who the
 * client is.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** An IP address and a port. IPv4 addresses have no prefix of IPv6. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** A header that was read. */
export interface ProxyHeader {
  /** Bytes it took. */
  readonly length: number;
  /** Who the client is, and where it connected to; null when the header does not say (LOCAL, UNKNOWN, UNSPEC, Unix sockets). */
  readonly source: Address | null;
  readonly destination: Address | null;
}

/** Section 2.1: with its CRLF, the longest header of version 1. */
const MAX_V1 = 107;
/** nginx's NGX_PROXY_PROTOCOL_MAX_HEADER. A header takes 28 or 52 bytes, and TLVs. */
const MAX_V2 = 4096;

const V1 = Buffer.from('PROXY ');
const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
const ADDRESSES = { ipv4: 12, ipv6: 36 };

/** Reads the header at the start of a connection. `invalid`: there is none; said with its first wrong byte. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' | 'invalid' {
  if (bytes.length === 0) return 'more';
  return bytes[0] === V1[0] ? readText(bytes) : readBinary(bytes);
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readText(bytes: Buffer): ProxyHeader | 'more' | 'invalid' {
  if (!startsWith(bytes, V1)) return 'invalid';
  const end = bytes.subarray(0, MAX_V1).indexOf('\r\n');
  if (end < 0) return bytes.length < MAX_V1 ? 'more' : 'invalid';
  const [, family, source = '', destination = '', ...ports] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  // Section 2.1: what follows UNKNOWN is to be ignored.
  if (family === 'UNKNOWN') return { length, source: null, destination: null };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  const [sourcePort, destinationPort] = ports.map(parsePort);
  if (isAddress === null || ports.length !== 2 || sourcePort === undefined || destinationPort === undefined) return 'invalid';
  for (const address of [source, destination]) if (!isAddress(address) || address.includes('%')) return 'invalid';
  return {
    length,
    source: { address: plainAddress(source), port: sourcePort },
    destination: { address: plainAddress(destination), port: destinationPort },
  };
}

/** Decimal, without zeros in front. */
function parsePort(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined;
}

function readBinary(bytes: Buffer): ProxyHeader | 'more' | 'invalid' {
  if (!startsWith(bytes, V2)) return 'invalid';
  // Version 2; command LOCAL or PROXY. Section 2.2: others must be refused.
  const command = bytes[12];
  if (command !== undefined && command !== 0x20 && command !== 0x21) return 'invalid';
  if (bytes.length < 16) return 'more';
  const size = bytes.readUInt16BE(14);
  const length = 16 + size;
  if (length > MAX_V2) return 'invalid';
  const transport = bytes[13]!;
  const stream = (transport & 0x0f) === 1;
  const family = stream && transport >> 4 === 1 ? 'ipv4' : stream && transport >> 4 === 2 ? 'ipv6' : null;
  if (transport >> 4 > 3 || (transport & 0x0f) > 2) return 'invalid';
  if (command === 0x21 && family !== null && size < ADDRESSES[family]) return 'invalid';
  if (bytes.length < length) return 'more';
  if (command === 0x20 || family === null) return { length, source: null, destination: null };
  const width = family === 'ipv4' ? 4 : 16;
  const at = (index: number): Address => ({
    address: addressText(bytes.subarray(16 + index * width, 16 + (index + 1) * width)),
    port: bytes.readUInt16BE(16 + 2 * width + 2 * index),
  });
  return { length, source: at(0), destination: at(1) };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  // Written as everybody writes it (RFC 5952), so that logs and allow lists know it.
  return plainAddress(new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1));
}

/** An IPv4 address that came as IPv6 is one of IPv4: `::ffff:192.0.2.1`, also as `::ffff:c000:201`. */
export function plainAddress(address: string): string {
  if (!/^::ffff:/i.test(address)) return address;
  const rest = address.slice(7);
  if (isIPv4(rest)) return rest;
  // Two groups, no more: `::ffff:1:2:3` is another address, whose ffff stands elsewhere.
  const [, left, right] = /^([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(rest) ?? [];
  if (left === undefined || right === undefined) return address;
  const [high, low] = [Number.parseInt(left, 16), Number.parseInt(right, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** A header of version 1, as nginx and ingress-nginx send it. Addresses of two families: both as IPv6. */
export function proxyHeaderText(source: Address, destination: Address): string {
  const v4 = isIPv4(source.address) && isIPv4(destination.address);
  if (!v4 && !isIP6(source) && !isIP6(destination)) return 'PROXY UNKNOWN\r\n';
  const text = ({ address }: Address): string => (v4 || !isIPv4(address) ? address : `::ffff:${address}`);
  return `PROXY ${v4 ? 'TCP4' : 'TCP6'} ${text(source)} ${text(destination)} ${source.port} ${destination.port}\r\n`;
}

function isIP6({ address }: Address): boolean {
  return isIPv6(address);
}
