/** DER (X.690) as far as OCSP needs it, over the bytes themselves: what is signed must be taken as it was sent. */

export const SEQUENCE = 0x30;
export const INTEGER = 0x02;
const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OID = 0x06;
export const ENUMERATED = 0x0a;
export const GENERALIZED_TIME = 0x18;
const NULL = 0x05;

/** One value: its tag, its content, and all its bytes. */
export interface Der {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

/** Reads the values that follow each other in `bytes`. Throws for what is not DER. */
export function readAll(bytes: Buffer): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length;) {
    let start = at + 2;
    let length = bytes[at + 1] ?? 0;
    if (length > 0x80) {
      const size = length - 0x80;
      if (size > 4 || start + size > bytes.length) throw new Error('a length is not DER');
      length = bytes.readUIntBE(start, size);
      start += size;
    } else if (length === 0x80) throw new Error('a length is not DER');
    if ((bytes[at]! & 0x1f) === 0x1f || start > bytes.length || start + length > bytes.length)
      throw new Error('a value is cut off');
    found.push({ tag: bytes[at]!, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return found;
}

/** The values inside one. Throws when it is absent or has another tag. */
export function inside(value: Der | undefined, tag: number): Der[] {
  return readAll(contentOf(value, tag));
}

/** The content of a value. Throws when it is absent or has another tag. */
export function contentOf(value: Der | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new Error('a value is missing or of another type');
  return value.content;
}

/** The bytes of a BIT STRING that has no unused bits, as keys and signatures have none. */
export function bitsOf(value: Der | undefined): Buffer {
  const content = contentOf(value, BIT_STRING);
  if (content[0] !== 0) throw new Error('there are unused bits');
  return content.subarray(1);
}

/** A value, written. */
export function write(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

/** The identifier of an algorithm without parameters but NULL. */
export function algorithm(oid: Buffer): Buffer {
  return write(SEQUENCE, write(OID, oid), Buffer.from([NULL, 0]));
}

/** Milliseconds since the epoch; throws when it is no time (RFC 5280 §4.1.2.5.2: seconds, Zulu, no fractions). */
export function timeOf(value: Der | undefined): number {
  const text = contentOf(value, GENERALIZED_TIME).toString('latin1');
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new Error('a time cannot be read');
  return time;
}
