/**
 * What the annotations of a route became: plain data, one member per family, read by `policies/` and acted upon by `proxy/`. Sparse:
 * what nobody asked for is absent, so that ten thousand plain routes carry nothing.
 */
import type { CertificateId, GroupId } from './table.ts';

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

/** Text, and variables of nginx, of which the value is put in. */
export type TextWithVariables = readonly (string | { readonly variable: string })[];

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
  readonly value: TextWithVariables;
}

/** A text that backends say, and what is said instead: where it begins so (of a domain: is so), or where the pattern is found in it. */
export type Rewriting = (
  | { readonly kind: 'text'; readonly from: TextWithVariables }
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
) & {
  /** Of a `regex`, in place of all of the text, with `$0` to `$9` as variables. */
  readonly to: TextWithVariables;
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
  readonly target: TextWithVariables | null;
  /** The Host field. */
  readonly hostField: TextWithVariables;
  readonly body: boolean;
}

/** Each member is named, and documented, as its file in `policies/`. */
export interface RoutePolicies {
  /** Absent: plain HTTP is served as it is. */
  readonly sslRedirect?: SslRedirect;
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
  readonly upstreamVhost?: TextWithVariables;
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
}

/** Of a plain route. */
export const NO_POLICIES: RoutePolicies = {};
