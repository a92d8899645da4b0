/**
 * What goes wrong with a request. Each kind has a stable code, where it comes from, whether it is safe to try again, and the
 * status a client is answered with. The one table that turns failures into answers.
 */

/** Who is at fault. */
type ErrorSource = 'downstream' | 'upstream' | 'internal';

/** May the request be sent again? `yes`: if what was sent allows it, which `upstream/retry.ts` decides. */
type RetrySafety = 'never' | 'yes';

export interface ProxyError {
  readonly code: string;
  readonly source: ErrorSource;
  readonly retry: RetrySafety;
  /** 0: the connection is closed without an answer. */
  readonly status: number;
}

function downstream(code: string, status: number): ProxyError {
  return { code, source: 'downstream', retry: 'never', status };
}

function upstream(code: string, status: number, retry: RetrySafety): ProxyError {
  return { code, source: 'upstream', retry, status };
}

/** All of them. */
export const ERRORS = {
  badRequest: downstream('bad_request', 400),
  headerTimeout: downstream('header_timeout', 408),
  bodyTimeout: downstream('body_timeout', 408),
  bodyTooLarge: downstream('body_too_large', 413),
  lengthRequired: downstream('length_required', 411),
  targetTooLong: downstream('target_too_long', 414),
  headTooLarge: downstream('head_too_large', 431),
  /** The connection's handshake was for a host that asks for other client certificates. */
  misdirected: downstream('misdirected_request', 421),
  certificateRequired: downstream('certificate_required', 400),
  certificateInvalid: downstream('certificate_invalid', 400),
  /** It verifies, but `auth-tls-match-cn` is not found in its subject. */
  certificateForbidden: downstream('certificate_forbidden', 403),
  expectationFailed: downstream('expectation_failed', 417),
  methodNotAllowed: downstream('method_not_allowed', 405),
  notImplemented: downstream('not_implemented', 501),
  versionNotSupported: downstream('version_not_supported', 505),
  clientGone: downstream('client_gone', 0),
  sendTimeout: downstream('send_timeout', 0),

  /** nginx's NGX_HTTP_CLOSE (`return 444`). */
  closed: { code: 'closed', source: 'internal', retry: 'never', status: 0 },
  noRoute: { code: 'no_route', source: 'internal', retry: 'never', status: 404 },
  routeUnavailable: { code: 'route_unavailable', source: 'internal', retry: 'never', status: 503 },
  overloaded: { code: 'overloaded', source: 'internal', retry: 'never', status: 503 },
  /** A body is too large for memory, and files cannot be written, or hold as much as they may. */
  bodyNotHeld: { code: 'body_not_held', source: 'internal', retry: 'never', status: 500 },
  tempSpaceUsedUp: { code: 'temp_space_used_up', source: 'internal', retry: 'never', status: 503 },
  noEndpoints: { code: 'no_endpoints', source: 'upstream', retry: 'never', status: 503 },
  internal: { code: 'internal_error', source: 'internal', retry: 'never', status: 500 },

  connectFailed: upstream('connect_failed', 502, 'yes'),
  connectTimeout: upstream('connect_timeout', 504, 'yes'),
  resolveFailed: upstream('resolve_failed', 502, 'yes'),
  /** The handshake failed, the certificate is not what was asked for, or another protocol was chosen. */
  tlsFailed: upstream('tls_failed', 502, 'yes'),
  /** The upstream did not look at the request: REFUSED_STREAM, or above the last stream of a GOAWAY (RFC 9113 §8.7). */
  streamRefused: upstream('stream_refused', 502, 'yes'),
  /** Closed, or written to by the upstream, before anything of the request was sent. */
  upstreamClosed: upstream('upstream_closed', 502, 'yes'),
  /** Reset or closed before the first byte of the response. */
  upstreamReset: upstream('upstream_reset', 502, 'yes'),
  upstreamTimeout: upstream('upstream_timeout', 504, 'yes'),
  upstreamSendTimeout: upstream('upstream_send_timeout', 504, 'yes'),
  /** The response head is not HTTP/1.1, or is framed ambiguously. */
  badResponse: upstream('bad_response', 502, 'yes'),
  responseHeadTooLarge: upstream('response_head_too_large', 502, 'yes'),
  /** Too late for an answer: bytes of the response were already sent. The client sees the connection close. */
  responseAborted: upstream('response_aborted', 0, 'never'),
} as const satisfies Record<string, ProxyError>;
