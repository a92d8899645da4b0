/** The request fields a proxy must look at, and what each does to the parsed head. */
import { FieldNames } from './field-names.ts';
import type { RequestHead } from './request-head.ts';

export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
const CONNECTION = 4;
const UPGRADE = 5;
const EXPECT = 6;
const TE = 7;
const X_REQUEST_ID = 8;
const X_FORWARDED_FOR = 9;
const X_FORWARDED_HOST = 10;
const X_FORWARDED_PROTO = 11;
const X_FORWARDED_PORT = 12;
const USER_AGENT = 13;
const REFERER = 14;
const ACCEPT = 15;
/** Set by us, or of one hop only, or dangerous (HTTPoxy; h2c upgrades): never forwarded from the client. */
const DROPPED = 16;

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
});

/** Notes a special field; returns whether its line is forwarded as it is. */
export function takeField(head: RequestHead, id: number, bytes: Buffer, start: number, end: number): boolean {
  switch (id) {
    case USER_AGENT:
      head.userAgent = bytes.toString('latin1', start, end);
      return true;
    case REFERER:
      head.referer = bytes.toString('latin1', start, end);
      return true;
    case ACCEPT:
      head.accept = bytes.toString('latin1', start, end);
      return true;
    case CONNECTION:
      head.connection = join(head.connection, bytes.toString('latin1', start, end));
      return false;
    case UPGRADE:
      head.upgradeField = join(head.upgradeField, bytes.toString('latin1', start, end));
      return false;
    case EXPECT:
      if (bytes.toString('latin1', start, end).toLowerCase() === '100-continue') head.expectContinue = true;
      else head.badExpectation = true;
      return false;
    case TE:
      head.acceptsTrailers = /\btrailers\b/i.test(bytes.toString('latin1', start, end));
      return false;
    case X_REQUEST_ID:
      head.requestId = bytes.toString('latin1', start, end);
      return false;
    case X_FORWARDED_FOR:
      head.forwardedFor = join(head.forwardedFor, bytes.toString('latin1', start, end));
      return false;
    case X_FORWARDED_HOST:
      head.forwardedHost = bytes.toString('latin1', start, end);
      return false;
    case X_FORWARDED_PROTO:
      head.forwardedProto = bytes.toString('latin1', start, end);
      return false;
    case X_FORWARDED_PORT:
      head.forwardedPort = bytes.toString('latin1', start, end);
      return false;
    default:
      return false;
  }
}

function join(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}
