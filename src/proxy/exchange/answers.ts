/** Answers of the proxy itself, beside those of `policies/answer.ts`. */
import { page, reason, type Answer } from '../../policies/answer.ts';
import type { OwnRedirects } from '../../model/policies.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { hostName } from '../routing/host.ts';
import type { Refusal } from '../client-auth/check.ts';
import { ERRORS } from '../errors.ts';
import { REFUSING, type Admission } from '../workers/overload.ts';
import type { ClientInfo } from '../http1/forward-request.ts';
import type { RequestHead } from '../http1/head/request-head.ts';

/** How many seconds a refused client is asked to wait (RFC 9110 §10.2.3): most overloads are over by then, or handed to others. */
const RETRY_AFTER = 5;
/** What a request gets while the worker refuses. */
const OVERLOADED: Answer = { ...page(503), fields: `Retry-After: ${RETRY_AFTER}\r\n` };

const OVERLOAD: Refusal = { error: ERRORS.overloaded, answer: OVERLOADED };

/** What a request is refused with while the worker refuses, and counted; null: it is not. */
export function overloadRefusal(admission: Admission): Refusal | null {
  if (admission.level !== REFUSING) return null;
  admission.refused();
  return OVERLOAD;
}

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

/** Where nginx's auto_redirect sends a request that lacks the final slash. `own`: as the route wants it written. */
export function withSlash(
  { target, rawPath, host }: RequestHead,
  { scheme }: ClientInfo,
  settings: ProxySettings,
  own: OwnRedirects | undefined,
): string {
  const path = `${rawPath}/${target.slice(rawPath.length)}`;
  // "//name/" would be read as another host (RFC 3986 §4.2).
  if (own?.relative === true && !path.startsWith('//')) return path;
  const [published, bound, usual] =
    scheme === 'https' ? [settings.publicHttpsPort, settings.httpsPort, 443] : [settings.publicHttpPort, settings.httpPort, 80];
  const port = published === 0 && own?.usePort === true ? bound : published;
  return `${scheme}://${hostName(host)}${port === 0 || port === usual ? '' : `:${port}`}${path}`;
}

/** The lines of this name, in lower case. */
export function linesOf(lines: string, lower: string): string {
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === lower)
    .join('');
}
