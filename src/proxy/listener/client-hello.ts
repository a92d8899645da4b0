/**
 * Reads the ClientHello of a TLS client without taking part in the handshake: RFC 8446 §4.1.2 and §5.1, RFC 6066 §3 (server
 * name), RFC 7301 §3.1 (ALPN). As strict as OpenSSL is, so that both see the same name or neither sees one.
 */

/** What a ClientHello says that we decide by. */
export interface ClientHello {
  /** As sent, but lower-case and without a final dot; null: the client names no server. */
  readonly serverName: string | null;
  /** Protocol names in the client's order; empty without the extension. */
  readonly alpn: readonly string[];
}

/** Bytes that a ClientHello may take, record headers included: nginx's `preread_buffer_size`. A usual one has 300 to 2,000. */
export const MAX_CLIENT_HELLO = 16_384;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
/** RFC 8446 §5.1: the content of a record. */
const MAX_FRAGMENT = 16_384;
/** OpenSSL's TLSEXT_MAXLEN_host_name. */
const MAX_NAME = 255;

/**
 * Reads what a client sent so far. `more`: it is a ClientHello that is not complete; `invalid`: it is none, or none that fits
 * into `MAX_CLIENT_HELLO`. What follows the ClientHello is not looked at.
 */
export function readClientHello(bytes: Buffer): ClientHello | 'more' | 'invalid' {
  const message = handshakeMessage(bytes);
  if (typeof message !== 'string') return parse(message) ?? 'invalid';
  return message === 'more' && bytes.length >= MAX_CLIENT_HELLO ? 'invalid' : message;
}

/** The body of the first handshake message, put together from its records. */
function handshakeMessage(bytes: Buffer): Buffer | 'more' | 'invalid' {
  const fragments: Buffer[] = [];
  let have = 0;
  let wanted = Infinity;
  for (let at = 0; at < bytes.length;) {
    // Said as soon as it can be: whoever speaks something else must not wait for a deadline.
    if (bytes[at] !== HANDSHAKE_RECORD || (bytes[at + 1] ?? 3) !== 3) return 'invalid';
    if (at + 5 > bytes.length) return 'more';
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_FRAGMENT) return 'invalid';
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    if (fragment.length > 0) fragments.push(fragment);
    have += fragment.length;
    if (wanted === Infinity && have > 0) {
      const start = have >= 4 ? Buffer.concat(fragments, 4) : fragments[0]!;
      if (start[0] !== CLIENT_HELLO) return 'invalid';
      if (have >= 4) wanted = 4 + start.readUIntBE(1, 3);
      if (wanted !== Infinity && wanted > MAX_CLIENT_HELLO) return 'invalid';
    }
    if (have >= wanted) return Buffer.concat(fragments, wanted).subarray(4);
    at += 5 + length;
  }
  return 'more';
}

/** Reads vectors with their length before them; once it ran over an end, `failed` is true and all it gives is empty. */
class Cursor {
  failed = false;
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.failed || this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (this.failed || end > this.#bytes.length) {
      this.failed = true;
      return Buffer.alloc(0);
    }
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  number(size: 1 | 2): number {
    const taken = this.take(size);
    return this.failed ? 0 : taken.readUIntBE(0, size);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: 1 | 2): Buffer {
    return this.take(this.number(size));
  }
}

function parse(body: Buffer): ClientHello | null {
  const hello = new Cursor(body);
  hello.take(2 + 32);
  const session = hello.vector(1);
  const ciphers = hello.vector(2);
  const compression = hello.vector(1);
  if (hello.failed || session.length > 32 || ciphers.length === 0 || ciphers.length % 2 !== 0) return null;
  if (compression.length === 0) return null;
  let serverName: string | null = null;
  let alpn: readonly string[] | null = null;
  if (hello.done) return { serverName, alpn: [] };
  const extensions = new Cursor(hello.vector(2));
  if (!hello.done || hello.failed) return null;
  while (!extensions.done) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (extensions.failed) return null;
    if (type === SERVER_NAME) {
      const name: string | null = serverName === null ? readName(data) : null;
      if (name === null) return null;
      serverName = name;
    } else if (type === ALPN) {
      const names: readonly string[] | null = alpn === null ? readProtocols(data) : null;
      if (names === null) return null;
      alpn = names;
    }
  }
  return { serverName, alpn: alpn ?? [] };
}

/** RFC 6066 §3 allows one name of each type, and there is only one type. */
function readName(data: Buffer): string | null {
  const extension = new Cursor(data);
  const list = new Cursor(extension.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  if (extension.failed || !extension.done || list.failed || !list.done || type !== 0) return null;
  if (name.length === 0 || name.length > MAX_NAME || name.includes(0)) return null;
  const text = name.toString('latin1').toLowerCase();
  return text.endsWith('.') ? text.slice(0, -1) : text;
}

function readProtocols(data: Buffer): string[] | null {
  const extension = new Cursor(data);
  const list = new Cursor(extension.vector(2));
  if (extension.failed || !extension.done || list.done) return null;
  const names: string[] = [];
  while (!list.done) {
    const name = list.vector(1);
    if (list.failed || name.length === 0) return null;
    names.push(name.toString('latin1'));
  }
  return names;
}
