/**
 * What the annotations of a route became: plain data, one member per family, read by `policies/` and acted upon by `proxy/`. Sparse:
 * what nobody asked for is absent, so that ten thousand plain routes carry nothing.
 */
import type { KeyObject } from 'node:crypto';
import type { RouteSnippets } from './snippet.ts';
import type { CertificateId, GroupId } from './table.ts';

/** A text with variables of nginx in it: literal text, and names of variables. */
export type Template = readonly (string | { readonly variable: string })[];

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
  /** The port is written; absent: only one that is published under another number. */
  readonly usePort?: true;
  /**
   * The host has other names (`server-alias`): only requests for its own, and for those that its certificate covers, are redirected.
   * These are it and the names of the certificate. Absent: all requests are.
   */
  readonly covered?: readonly string[];
}

/** Literal text, a variable of nginx, or what a group of the pattern matched (1 to 9). */
export type RewritePart = string | { readonly variable: string } | { readonly group: number };

/** The path that a backend gets in place of the one requested, or a redirect. */
export interface Rewrite {
  /** Searched for in the normalised path, without regard to case. */
  readonly pattern: string;
  /** The path; of a redirect: the whole URL. */
  readonly path: readonly RewritePart[];
  /** The query; null: the target names none. */
  readonly query: readonly RewritePart[] | null;
  /** The query of the request follows. */
  readonly keepsQuery: boolean;
  /** The client is sent there with 302, and nothing goes to the backend. */
  readonly redirects: boolean;
  /** The value of X-Forwarded-Prefix; absent: there is none. */
  readonly prefix?: readonly RewritePart[];
}

/** Every request is sent elsewhere. */
export interface Redirect {
  readonly code: number;
  readonly location: Template;
}

/** A host that only sends to another. */
export interface WwwRedirect {
  readonly to: string;
  readonly code: number;
}

/** How the redirects to a path with a final "/" are written; absent: whole, and without a port. */
export interface OwnRedirects {
  /** Without scheme and host. */
  readonly relative: boolean;
  /** With the port. */
  readonly usePort: boolean;
}

/** What the spans of a route's requests are. */
export interface Opentelemetry {
  /** The client's trace is gone on with. */
  readonly trust: boolean;
  /** Text and variables of nginx; empty: the path of the Ingress. */
  readonly operation: Template;
}

/** How many requests a client may send to the routes of one Ingress. Absent members: no such limit. */
export interface ClientLimits {
  /** Names what is counted together: the Ingress. */
  readonly zone: string;
  /** Requests a second and a minute, and how many more at once. */
  readonly perSecond?: { readonly limit: number; readonly burst: number };
  readonly perMinute?: { readonly limit: number; readonly burst: number };
  /** Requests at the same time. */
  readonly connections?: number;
  /** Addresses and ranges of clients that are not counted. */
  readonly exempt: readonly string[];
}

/** What a route has otherwise than the settings of the same names. Milliseconds, bytes; absent: as the settings say. */
export interface TrafficTuning {
  readonly maxRequestBodySize?: number;
  readonly requestBuffering?: boolean;
  readonly requestBufferSize?: number;
  readonly responseBuffering?: boolean;
  readonly responseBuffers?: number;
  readonly responseBufferSize?: number;
  readonly maxResponseHeadSize?: number;
  readonly maxResponseTempFile?: number;
  readonly upstreamConnectTimeout?: number;
  readonly upstreamSendTimeout?: number;
  readonly upstreamReadTimeout?: number;
  readonly nextUpstream?: readonly string[];
  readonly upstreamTries?: number;
  readonly upstreamTriesTimeout?: number;
  readonly limitRate?: number;
  readonly limitRateAfter?: number;
}

/** What CORS says to browsers. */
export interface Cors {
  /** In lower case: `scheme://host[:port]`, whose first label may be "*", and `null`; `*`: all, also requests without an Origin. */
  readonly origins: readonly string[] | '*';
  readonly methods: string;
  readonly headers: string;
  /** Empty: no header says so. */
  readonly expose: string;
  readonly credentials: boolean;
  /** Seconds. */
  readonly maxAge: number;
}

/** A header field to set. Its name is changeable. */
export interface HeaderText {
  readonly name: string;
  readonly value: Template;
}

/** A text that backends say, and what is said instead: where it begins so (of a domain: is so), or where the pattern is found in it. */
export type Rewriting = (
  | { readonly kind: 'text'; readonly from: Template }
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
) & {
  /** Of a `regex`, in place of all of the text, with `$0` to `$9` as variables. */
  readonly to: Template;
};

/** What becomes of the cookies that backends set. */
export interface CookieRewriting {
  readonly domain: Rewriting | null;
  readonly path: Rewriting | null;
}

/** Errors whose page another backend has. */
export interface CustomErrors {
  readonly codes: readonly number[];
  /** The Ingress says so, not the ConfigMap. */
  readonly ofIngress: boolean;
  /** Only where Sluice itself would answer with them. */
  readonly ownOnly: boolean;
  /** The first of them that has an endpoint is asked. */
  readonly backends: readonly GroupId[];
}

/** Where copies of requests go. */
export interface Mirror {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** The request target; null: that of the request. */
  readonly target: Template | null;
  /** The Host field. */
  readonly hostField: Template;
  readonly body: boolean;
}

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
  readonly authority: Template;
  /**
   * The authority is the host that the client asked for, and some names of the route's host can be anybody's: only for these, or those
   * that a wildcard among them covers, is the service asked. Absent: for all.
   */
  readonly names?: readonly string[];
  /** Path and query; empty: `location`. */
  readonly target: Template;
  /** The path of the location that nginx would have for it, which the service sees when its URL has none. */
  readonly location: string;
  /** Null: GET. */
  readonly method: string | null;
  /** Where to a client is redirected that the service does not know; null: it gets 401. */
  readonly signin: Template | null;
  /** Fields of the service's answer that the backend gets in place of the client's. */
  readonly responseHeaders: readonly string[];
  /** Fields that the service gets in place of the client's, in order; an empty value takes one away. */
  readonly requestHeaders: readonly { readonly name: string; readonly value: Template }[];
  /** X-Auth-Request-Redirect; null: the request's URI. */
  readonly requestRedirect: Template | null;
  readonly cache: { readonly key: Template; readonly rules: readonly CacheRule[] } | null;
  /** Connections to the service that are kept; null: as those to backends. */
  readonly keepAlive: { readonly connections: number; readonly requests: number; readonly timeout: number } | null;
  /** Its cookies go to the client whatever the status. */
  readonly alwaysSetCookie: boolean;
}

/** Each member is named, and documented, as its file in `policies/`. */
export interface RoutePolicies {
  /** Absent: plain HTTP is served as it is. */
  readonly sslRedirect?: SslRedirect;
  /** Absent: the backend gets the path as it was requested. */
  readonly rewrite?: Rewrite;
  readonly redirect?: Redirect;
  /** Where a request for "/" is sent, behind scheme and host. The same on every route of a host. */
  readonly appRoot?: Template;
  readonly wwwRedirect?: WwwRedirect;
  readonly ownRedirects?: OwnRedirects;
  /** Absent: what the Service's `appProtocol` says, or plain HTTP. */
  readonly backendProtocol?: BackendProtocol;
  /** Absent: certificates of backends are not looked at. */
  readonly proxySsl?: UpstreamTls;
  readonly cors?: Cors;
  /** What responses of backends do not get through, in lower case. */
  readonly hideHeaders?: readonly string[];
  /** Of the ConfigMap, then of the Ingress: set in all responses. */
  readonly addHeaders?: readonly HeaderText[];
  readonly customHeaders?: readonly HeaderText[];
  /** Set in requests to backends. */
  readonly proxySetHeaders?: readonly HeaderText[];
  /** The Host that backends get. Absent: the client's. */
  readonly upstreamVhost?: Template;
  readonly connectionProxyHeader?: 'close' | 'keep-alive';
  /** Absent: 1.1. */
  readonly proxyHttpVersion?: '1.0';
  readonly proxyCookie?: CookieRewriting;
  /** Of Location and Refresh. */
  readonly proxyRedirect?: Rewriting;
  /** Absent: all errors are passed on as they are. */
  readonly customErrors?: CustomErrors;
  /** Absent: requests are not copied. */
  readonly mirror?: Mirror;
  /** Absent: its requests are logged, if any are. */
  readonly accessLog?: 'off';
  /** Absent: its requests are not traced. */
  readonly opentelemetry?: Opentelemetry;
  readonly snippets?: RouteSnippets;
  /** Clients get the cookie of the group's affinity: only where the Ingress itself asks for it. */
  readonly sessionCookie?: true;
  /** Absent: clients may ask as often as they like. */
  readonly clientLimits?: ClientLimits;
  /** Absent: as the settings say. */
  readonly bodySize?: TrafficTuning;
  readonly buffering?: TrafficTuning;
  readonly timeouts?: TrafficTuning;
  readonly nextUpstream?: TrafficTuning;
  readonly responseRate?: TrafficTuning;
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
