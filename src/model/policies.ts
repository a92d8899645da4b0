/**
 * What the annotations of a route became: plain data, one member per family, read by `policies/` and acted upon by `proxy/`. Sparse:
 * what nobody asked for is absent, so that ten thousand plain routes carry nothing.
 */
import type { KeyObject } from 'node:crypto';
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

/** A text with variables of nginx, taken apart: literal text, and names without "$" (`policies/variables/template.ts`). */
export type TextWithVariables = readonly (string | { readonly variable: string })[];

/** Which client addresses may come: addresses and ranges in CIDR notation. */
export interface SourceRanges {
  /** These may not, whatever `allow` says. */
  readonly deny: readonly string[];
  /** Only these may; null: all. */
  readonly allow: readonly string[] | null;
}

/** Clients that get 403 wherever they go: ConfigMap `block-cidrs`, `block-user-agents`, `block-referers`. */
export interface BlockedClients {
  readonly cidrs: readonly string[];
  /** As nginx's `map` has them: a text in any case, or a regular expression behind "~", behind "~*" for any case. */
  readonly userAgents: readonly string[];
  readonly referers: readonly string[];
}

/** User names and passwords. */
export interface PasswordAuth {
  readonly scheme: 'basic' | 'digest';
  readonly realm: string;
  /** The Secret, as `namespace/name`. */
  readonly secret: string;
  /** The lines of an htpasswd or htdigest file, made once per Secret. A KeyObject, so that no print, log or dump can show them. */
  readonly users: KeyObject;
}

/** How long answers of an authentication service are remembered: the first item that knows the status decides. */
export interface CacheRule {
  /** Null: every status. */
  readonly statuses: readonly number[] | null;
  /** Milliseconds. */
  readonly time: number;
}

/** A service is asked about every request. */
export interface ExternalAuth {
  readonly tls: boolean;
  /** Host, and port if it is not that of the scheme. */
  readonly authority: TextWithVariables;
  /** Path and query; empty: `location`. */
  readonly target: TextWithVariables;
  /** The path of the location that nginx would have for it, which the service sees when its URL has none. */
  readonly location: string;
  /** Null: GET. */
  readonly method: string | null;
  /** Where to a client is redirected that the service does not know; null: it gets 401. */
  readonly signin: TextWithVariables | null;
  /** Fields of the service's answer that the backend gets in place of the client's. */
  readonly responseHeaders: readonly string[];
  /** Fields that the service gets in place of the client's, in order; an empty value takes one away. */
  readonly requestHeaders: readonly { readonly name: string; readonly value: TextWithVariables }[];
  /** X-Auth-Request-Redirect; null: the request's URI. */
  readonly requestRedirect: TextWithVariables | null;
  readonly cache: { readonly key: TextWithVariables; readonly rules: readonly CacheRule[] } | null;
  /** Connections to the service that are kept; null: as those to backends. */
  readonly keepAlive: { readonly connections: number; readonly requests: number; readonly timeout: number } | null;
  /** Its cookies go to the client whatever the status. */
  readonly alwaysSetCookie: boolean;
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
  /** Absent: nobody is. */
  readonly blockedClients?: BlockedClients;
  /** Absent: every address may come. */
  readonly sourceRanges?: SourceRanges;
  /** Absent: nobody is asked for a password. */
  readonly passwordAuth?: PasswordAuth;
  /** Absent: no service is asked. */
  readonly externalAuth?: ExternalAuth;
  /** Absent: all of `sourceRanges`, `passwordAuth` and `externalAuth` must let a request in; present: one of them is enough. */
  readonly satisfyAny?: true;
}

/** Of a plain route. */
export const NO_POLICIES: RoutePolicies = {};
