/** The answers Sluice gives itself: error pages and redirects. They say nothing about the inside. */
import type { ProxySettings } from '../settings/settings.ts';
import { hostName } from './host.ts';
import type { ClientInfo } from './http1/forward-request.ts';
import type { RequestHead } from './http1/head/request-head.ts';

const REASONS: Readonly<Record<number, string>> = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  408: 'Request Time-out',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
};

/** The reason phrase of a status, in nginx's words. */
export function reason(status: number): string {
  return REASONS[status] ?? 'Unknown';
}

/** An answer of our own, whole. */
export interface Answer {
  readonly status: number;
  /** Further header lines, each with CRLF. */
  readonly fields: string;
  readonly contentType: string;
  readonly body: string;
}

const PAGES = new Map<number, Answer>();

/** The page for a status, in nginx's shape, which scripts and people know. */
export function page(status: number): Answer {
  let answer = PAGES.get(status);
  if (answer === undefined) {
    const title = `${status} ${reason(status)}`;
    const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
    answer = { status, fields: '', contentType: 'text/html', body };
    PAGES.set(status, answer);
  }
  return answer;
}

/** How many seconds a refused client is asked to wait (RFC 9110 §10.2.3): most overloads are over by then, or handed to others. */
const RETRY_AFTER = 5;
/** What a request gets while the worker refuses. */
export const OVERLOADED: Answer = { ...page(503), fields: `Retry-After: ${RETRY_AFTER}\r\n` };

/**
 * What a status of HTTP is to a client of gRPC (grpc/grpc, doc/http-grpc-status-mapping.md): INTERNAL, UNAUTHENTICATED, PERMISSION_DENIED,
 * UNIMPLEMENTED, UNAVAILABLE; of all others nobody knows what they are.
 */
const GRPC_STATUS: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
const GRPC_UNKNOWN = 2;

/** As a gRPC client understands it: nothing but a status, in the place of trailers. `fields` go with it. */
export function grpcAnswer({ status, fields }: Answer): Answer {
  const code = GRPC_STATUS[status] ?? GRPC_UNKNOWN;
  const message = encodeURIComponent(`${status} ${reason(status)}`).replaceAll('%20', ' ');
  const grpc = `grpc-status: ${code}\r\ngrpc-message: ${message}\r\n`;
  return { status: 200, fields: fields + grpc, contentType: 'application/grpc', body: '' };
}

const GRPC_REQUEST = /\r\ncontent-type:[ \t]*application\/grpc(?:[+;][^\r\n]*)?[ \t]*\r\n/i;

/** The request is one of gRPC. Costs a search: asked only when there is a failure to tell of. */
export function isGrpc(head: RequestHead): boolean {
  return GRPC_REQUEST.test(head.text);
}

/** What a health check gets. */
export const HEALTHY: Answer = { status: 200, fields: '', contentType: 'text/html', body: '' };

/** A redirect. `location` is made of parts that cannot hold control characters: the request head was validated. */
export function redirect(status: number, location: string): Answer {
  const answer = page(status);
  return { ...answer, fields: `Location: ${location}\r\n` };
}

/** Where nginx's auto_redirect sends a request that lacks the final slash. */
export function withSlash({ target, rawPath, host }: RequestHead, { scheme }: ClientInfo, settings: ProxySettings): string {
  const port = scheme === 'https' ? settings.publicHttpsPort : settings.publicHttpPort;
  const written = port === 0 || port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  return `${scheme}://${hostName(host)}${written}${rawPath}/${target.slice(rawPath.length)}`;
}
