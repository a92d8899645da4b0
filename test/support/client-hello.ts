/**
 * A TLS 1.2 ClientHello written by hand, so that it can hold what no TLS library would send, and the server's first flight, in
 * which TLS 1.2 shows the certificate to everybody. RFC 5246 section 7.4.1.2, RFC 6066 section 3.
 */
import { X509Certificate } from 'node:crypto';

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);
/** With its length before it. */
const sized = (...parts: readonly Buffer[]): Buffer => Buffer.concat([u16(Buffer.concat(parts).length), ...parts]);
const extension = (type: number, ...body: readonly Buffer[]): Buffer => Buffer.concat([u16(type), sized(...body)]);

const HOST_NAME = Buffer.from([0]);
/** X25519 and P-256. */
const GROUPS = sized(u16(0x001d), u16(0x0017));
/** ECDSA with P-256 and SHA-256, RSA-PSS with SHA-256. */
const SIGNATURES = sized(u16(0x0403), u16(0x0804));
/** ECDHE with AES-128-GCM, ECDSA and RSA. */
const CIPHERS = sized(u16(0xc02b), u16(0xc02f));

/** A ClientHello record. `names`: the bytes of each host name of the SNI extension; null: no such extension. */
export function clientHello(names: readonly Buffer[] | null): Buffer {
  const list = (names ?? []).map((name) => Buffer.concat([HOST_NAME, sized(name)]));
  const extensions = [
    extension(10, GROUPS),
    extension(13, SIGNATURES),
    ...(names === null ? [] : [extension(0, sized(...list))]),
  ];
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    // No session id, no compression.
    Buffer.from([0]),
    CIPHERS,
    Buffer.from([1, 0]),
    sized(...extensions),
  ]);
  return Buffer.concat([Buffer.from([22]), u16(0x0301), sized(Buffer.from([1]), u24(body.length), body)]);
}

/** The server's certificate in what it sent so far, an alert's number, or null while neither is complete. */
export function serverAnswer(received: Buffer): X509Certificate | number | null {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= received.length;) {
    const end = at + 5 + received.readUInt16BE(at + 3);
    if (end > received.length) break;
    if (received[at] === 21) return received[at + 6] ?? null;
    messages.push(received.subarray(at + 5, end));
    at = end;
  }
  const flight = Buffer.concat(messages);
  for (let at = 0; at + 4 <= flight.length;) {
    const end = at + 4 + flight.readUIntBE(at + 1, 3);
    if (end > flight.length) return null;
    // Certificate: the length of the list, the length of the leaf, the leaf.
    if (flight[at] === 11) return new X509Certificate(flight.subarray(at + 10, at + 10 + flight.readUIntBE(at + 7, 3)));
    at = end;
  }
  return null;
}
