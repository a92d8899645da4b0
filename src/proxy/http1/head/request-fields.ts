/** The request fields a proxy must look at, and where a parsed head keeps them. */
import { SP } from './chars.ts';
import { FieldNames } from './field-names.ts';

export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const UPGRADE = 5;
export const EXPECT = 6;
export const TE = 7;
export const X_REQUEST_ID = 8;
export const X_FORWARDED_FOR = 9;
export const X_FORWARDED_HOST = 10;
export const X_FORWARDED_PROTO = 11;
export const X_FORWARDED_PORT = 12;
export const USER_AGENT = 13;
export const REFERER = 14;
export const ACCEPT = 15;
export const AUTHORIZATION = 16;
/** Set by us, or of one hop only, or dangerous (HTTPoxy; h2c upgrades): never forwarded from the client. */
const DROPPED = 17;

/** The fields of a request that are more than a line to forward. */
export const REQUEST_FIELDS = new FieldNames({
  host: HOST,
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  connection: CONNECTION,
  upgrade: UPGRADE,
  expect: EXPECT,
  te: TE,
  'x-request-id': X_REQUEST_ID,
  'x-forwarded-for': X_FORWARDED_FOR,
  'x-forwarded-host': X_FORWARDED_HOST,
  'x-forwarded-proto': X_FORWARDED_PROTO,
  'x-forwarded-port': X_FORWARDED_PORT,
  'user-agent': USER_AGENT,
  referer: REFERER,
  accept: ACCEPT,
  authorization: AUTHORIZATION,
  'keep-alive': DROPPED,
  'proxy-connection': DROPPED,
  proxy: DROPPED,
  trailer: DROPPED,
  'http2-settings': DROPPED,
  'x-real-ip': DROPPED,
  'x-scheme': DROPPED,
  'x-forwarded-scheme': DROPPED,
  'x-forwarded-prefix': DROPPED,
  'x-original-forwarded-for': DROPPED,
  'x-original-forwarded-host': DROPPED,
  'x-original-uri': DROPPED,
  'ssl-client-cert': DROPPED,
  'ssl-client-verify': DROPPED,
  'ssl-client-subject-dn': DROPPED,
  'ssl-client-issuer-dn': DROPPED,
});

/** Ids below this; `DROPPED` has no values. */
const IDS = DROPPED;

/** Several lines of these are one list (RFC 9110 §5.3); of the others the last counts. */
const LISTS: ReadonlySet<number> = new Set([CONNECTION, UPGRADE, EXPECT, X_FORWARDED_FOR, TE]);

/** A field with this id is forwarded as it is, besides being looked at. */
export function isForwarded(id: number): boolean {
  return id === USER_AGENT || id === REFERER || id === ACCEPT || id === CONTENT_LENGTH || id === AUTHORIZATION;
}

const FAMILY = Buffer.from('x-forwarded-', 'latin1');

/**
 * Any X-Forwarded-*: backends believe many more than we set, and a client that is not trusted must not speak to them in our name
 * (GHSA-6384-m2mw-rf54). `start`, `end`: a name longer than the prefix that begins with an X.
 */
export function isForwardedFamily(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= FAMILY.length) return false;
  for (let i = 0; i < FAMILY.length; i++) if ((bytes[start + i]! | 0x20) !== FAMILY[i]) return false;
  return true;
}

/**
 * With "-" for "_" it is a name that we set or heed: a backend may not tell them apart (CVE-2026-39858). Such a field is dropped
 * even where underscores are allowed.
 */
export function isAlias(bytes: Buffer, start: number, end: number): boolean {
  const name = Buffer.from(bytes.toString('latin1', start, end).replaceAll('_', '-'), 'latin1');
  return REQUEST_FIELDS.find(name, 0, name.length) !== 0 || isForwardedFamily(name, 0, name.length);
}

/** RFC 9110 §8.6: only digits. 15 of them fit a safe integer. Returns -1 if it is none. */
export function parseLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** "Content-Length: " and CRLF. */
const AROUND_LENGTH = 18;

/**
 * Only a Content-Length in its usual form is passed on as it is: one space, no zeros in front, nothing behind. `start`, `end`: the
 * line with its CRLF.
 */
export function isUsualLength(bytes: Uint8Array, start: number, valueStart: number, valueEnd: number, end: number): boolean {
  const digits = valueEnd - valueStart;
  if (end - start !== AROUND_LENGTH + digits || bytes[valueStart - 1] !== SP || valueEnd !== end - 2) return false;
  return digits === 1 || bytes[valueStart] !== 0x30;
}

/** Where in the head's text the values of these fields are: most are never asked for, and cost no string. */
export class FieldValues {
  /** By id: start and end. */
  readonly #spans = new Int32Array(2 * IDS);
  /** A bit for each id that is there. */
  #present = 0;
  /** Earlier lines of a list: id, start, end, id … Empty for all but odd requests. */
  #earlier: number[] = [];

  clear(): void {
    this.#present = 0;
    if (this.#earlier.length > 0) this.#earlier = [];
  }

  /** False: a second line of what must be one, of which we and the backend might believe different ones. nginx refuses it too. */
  add(id: number, start: number, end: number): boolean {
    if (id >= IDS) return true;
    const spans = this.#spans;
    if ((this.#present & (1 << id)) !== 0) {
      if (id === AUTHORIZATION) return false;
      if (LISTS.has(id)) this.#earlier.push(id, spans[2 * id]!, spans[2 * id + 1]!);
    }
    this.#present |= 1 << id;
    spans[2 * id] = start;
    spans[2 * id + 1] = end;
    return true;
  }

  /** True if the field is there, once, with just this value. */
  is(id: number, value: string, text: string): boolean {
    if ((this.#present & (1 << id)) === 0 || this.#earlier.length > 0) return false;
    const start = this.#spans[2 * id]!;
    if (this.#spans[2 * id + 1]! - start !== value.length) return false;
    for (let i = 0; i < value.length; i++) if (text.charCodeAt(start + i) !== value.charCodeAt(i)) return false;
    return true;
  }

  /** The value in the head's text; empty when the field is absent. */
  get(id: number, text: string): string {
    if ((this.#present & (1 << id)) === 0) return '';
    const last = text.slice(this.#spans[2 * id], this.#spans[2 * id + 1]);
    return this.#earlier.length === 0 ? last : this.#list(id, text, last);
  }

  #list(id: number, text: string, last: string): string {
    const values: string[] = [];
    for (let i = 0; i < this.#earlier.length; i += 3) {
      if (this.#earlier[i] === id) values.push(text.slice(this.#earlier[i + 1], this.#earlier[i + 2]));
    }
    return [...values, last].join(', ');
  }
}
