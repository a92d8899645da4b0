/**
 * What the annotations of a route became: plain data, one member per family, read by `policies/` and acted upon by `proxy/`. Sparse:
 * what nobody asked for is absent, so that ten thousand plain routes carry nothing.
 */
import type { RouteSnippets } from './snippet.ts';
import type { CertificateId } from './table.ts';

/** What the backends of a route speak, as `backend-protocol` names it: GRPC and GRPCS are HTTP/2, AUTO_HTTP follows the client. */
export type BackendProtocol = 'HTTP' | 'HTTPS' | 'AUTO_HTTP' | 'GRPC' | 'GRPCS';

/** TLS to the backends of a route. */
export interface UpstreamTls {
  /** Null: none, so that nothing is trusted. */
  readonly secret: CertificateId | null;
  readonly verify: boolean;
  /** So many certificates may stand between the backend's and a trusted one. */
  readonly verifyDepth: number;
  /** Whom the certificate must be for. */
  readonly name: string;
  /** The name is sent (SNI). */
  readonly sendsName: boolean;
  /** In OpenSSL's words. */
  readonly ciphers: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Plain HTTP is sent to https, with this status. */
export interface SslRedirect {
  readonly code: number;
  readonly preserveTrailingSlash: boolean;
}

/** What the spans of a route's requests are. */
export interface Opentelemetry {
  /** The client's trace is gone on with. */
  readonly trust: boolean;
  /** Text and variables of nginx; empty: the path of the Ingress. */
  readonly operation: readonly (string | { readonly variable: string })[];
}

/** Each member is named, and documented, as its file in `policies/`. */
export interface RoutePolicies {
  /** Absent: plain HTTP is served as it is. */
  readonly sslRedirect?: SslRedirect;
  /** Absent: what the Service's `appProtocol` says, or plain HTTP. */
  readonly backendProtocol?: BackendProtocol;
  /** Absent: certificates of backends are not looked at. */
  readonly proxySsl?: UpstreamTls;
  /** Absent: its requests are logged, if any are. */
  readonly accessLog?: 'off';
  /** Absent: its requests are not traced. */
  readonly opentelemetry?: Opentelemetry;
  readonly snippets?: RouteSnippets;
}

/** Of a plain route. */
export const NO_POLICIES: RoutePolicies = {};
