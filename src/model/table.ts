/**
 * The routing table: all that passes from the controller to the workers. Plain data, structured-cloneable, never mutated
 * once built. Produced by `translate/`, compared by `diff.ts`, compiled by `proxy/`.
 */
import type { KeyObject } from 'node:crypto';
import type { Balancing } from './balancing.ts';
import type { BackendProtocol, RoutePolicies } from './policies.ts';
import type { SnippetServer } from './snippet.ts';

/** The name of the virtual host that gets what no other host matches (nginx's `server_name _`). */
export const CATCH_ALL_HOST = '_';

/** Identifies an upstream group: one port of one Service. Made only by `groupId`. */
export type GroupId = string & { readonly __brand: 'GroupId' };

/** Identifies a certificate: one Secret. Made only by `certificateId`. */
export type CertificateId = string & { readonly __brand: 'CertificateId' };

/**
 * The id of the upstream group of a Service port. JSON of the parts, so that no choice of names can make two ids collide
 * (CVE-2020-8553 was such a collision).
 */
export function groupId(namespace: string, service: string, port: string): GroupId {
  return JSON.stringify([namespace, service, port]) as GroupId;
}

/** The id of the upstream group of a UDP port: a Service may have TCP and UDP ports of one number. */
export function udpGroupId(namespace: string, service: string, port: string): GroupId {
  return JSON.stringify([namespace, service, port, 'UDP']) as GroupId;
}

/** The id of the certificate in a Secret. Collision-free as `groupId`. */
export function certificateId(namespace: string, secret: string): CertificateId {
  return JSON.stringify([namespace, secret]) as CertificateId;
}

/** One address and port that requests can be sent to. */
export interface Endpoint {
  /** An IP address, or a DNS name when `dns` is true (ExternalName Services). */
  readonly address: string;
  readonly port: number;
  /** The address is a name that the worker resolves, and resolves again. */
  readonly dns: boolean;
}

/** The endpoints of one Service port. */
export interface UpstreamGroup {
  readonly id: GroupId;
  readonly namespace: string;
  readonly service: string;
  /** The port as the Ingress names it: a number in decimal, or a name. Empty: the first port (default backends). */
  readonly port: string;
  /** What `appProtocol` of the Service port says its endpoints speak; null: nothing that is known here. */
  readonly protocol: Exclude<BackendProtocol, 'AUTO_HTTP'> | null;
  /** Sorted by address, then port; no duplicates. Empty: requests are answered with 503. */
  readonly endpoints: readonly Endpoint[];
  /** Absent: endpoints take turns. */
  readonly balancing?: Balancing;
}

/** A certificate chain and its key. */
export interface Certificate {
  readonly id: CertificateId;
  /** PEM, leaf first. */
  readonly chain: string;
  /** A KeyObject, so that no print, log or dump can show the key. Cloneable to a worker thread. */
  readonly key: KeyObject;
  /** SHA-256 over chain and key, hex: equal means nothing to do. */
  readonly fingerprint: string;
  /** The DNS names of the leaf (SAN, or CN when there is none), lower-case. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a Secret holds for TLS to backends (`proxy-ssl-secret`). */
export interface UpstreamSecret {
  readonly id: CertificateId;
  /** Certificates that are trusted, PEM; null: none. */
  readonly ca: string | null;
  /** The certificate we show, PEM, leaf first, and its key; null: none. */
  readonly chain: string | null;
  /** A KeyObject, so that no print, log or dump can show the key. Cloneable to a worker thread. */
  readonly key: KeyObject | null;
  /** SHA-256 over all of it, hex: equal means nothing to do. */
  readonly fingerprint: string;
}

/**
 * Which request paths a route takes, already expanded as ingress-nginx expands `location` blocks
 * (internal/ingress/controller/location.go). Matched on the normalised path: first `exact` or `slashRedirect`, then the
 * longest `prefix`. On a host whose paths are regular expressions, the first `pattern` before all of these.
 */
export interface RouteMatch {
  /** The path is equal to this. */
  readonly exact: string | null;
  /** The path starts with this, which ends in "/". */
  readonly prefix: string | null;
  /** The path is equal to this, which lacks the final "/": answered with a 301 to the path with it (nginx auto_redirect). */
  readonly slashRedirect: string | null;
  /** This regular expression is found in the path, without regard to case. Absent: none. Patterns are tried in the order of routes. */
  readonly pattern?: string;
}

/** Where the requests of a route go. */
export type RouteTarget =
  | {
      readonly kind: 'group';
      readonly group: GroupId;
      /** Used when `group` has no endpoint (annotation `default-backend`); the request then carries `X-Code: 503` and its kin. */
      readonly fallback: GroupId | null;
    }
  /** Answered by Sluice itself: 404 of the built-in default backend, 503 for a route that is denied or has no usable backend. */
  | {
      readonly kind: 'answer';
      readonly status: 404 | 503;
      /** Something protects the route that cannot be had: nothing else of it happens. */
      readonly denied?: true;
    };

/** One path rule and its policies. */
export interface Route {
  readonly match: RouteMatch;
  /** The path as the Ingress writes it (label `path` of the metrics). */
  readonly path: string;
  readonly pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  readonly target: RouteTarget;
  readonly policies: RoutePolicies;
  /** The Ingress the route comes from; null for the built-in default backend. */
  readonly ingress: { readonly namespace: string; readonly name: string } | null;
  /** The Service and port the Ingress names; null when it names none. */
  readonly service: { readonly name: string; readonly port: string } | null;
}

/** What a host asks of its clients' certificates: `policies/tls/client-certificate.ts`. */
export interface ClientAuth {
  /** Differs where anything does that a handshake verifies by: authorities, revocations, `verify` and `depth`. */
  readonly id: string;
  /**
   * `on`: a request without a certificate, or with one that does not verify, is refused; `optional`: with one that does not
   * verify; `optional_no_ca`: one of an unknown authority passes too; `off`: none is asked for.
   */
  readonly verify: 'on' | 'optional' | 'optional_no_ca' | 'off';
  /** How many certificates may stand between the client's and the authority's root. */
  readonly depth: number;
  /** The authorities, PEM. */
  readonly ca: string;
  /** Their lists of revoked certificates, PEM; null: none is looked at. */
  readonly crl: string | null;
  /** The upstream gets the certificate itself, beside the result and the names. */
  readonly passCertificate: boolean;
  /** A regular expression that must be found in the subject (`policies/regex.ts`). Null: any will do. */
  readonly matchCn: string | null;
  /** Where a client is redirected to that would get 400. */
  readonly errorPage: string | null;
  /** Routes whose Ingress path begins so are served over plain HTTP, which shows no certificate. */
  readonly plainHttpPaths: readonly string[];
}

/** The versions of TLS that are offered, both included. */
export interface TlsVersions {
  readonly min: 'TLSv1.2' | 'TLSv1.3';
  readonly max: 'TLSv1.2' | 'TLSv1.3';
}

/** What the handshakes of a host have that is not the same for all hosts. */
export interface HostTls {
  /** A certificate with a key of another type, served beside that of the host; null: there is none. */
  readonly alternative: CertificateId | null;
  /** An OpenSSL cipher list for TLS 1.2 (`ssl-ciphers`); null: as for all hosts. */
  readonly ciphers: string | null;
  /** `ssl-prefer-server-ciphers`; null: as for all hosts. */
  readonly preferServerCiphers: boolean | null;
  /** `ssl-protocols`; null: as for all hosts. */
  readonly versions: TlsVersions | null;
  readonly clientAuth: ClientAuth | null;
}

/** All routes of one host name. */
export interface VirtualHost {
  /** Lower-case DNS name, `*.` and a DNS name, or `CATCH_ALL_HOST`. */
  readonly host: string;
  /** Null: the default certificate. */
  readonly certificate: CertificateId | null;
  /** Null: its handshakes are like those of all hosts. */
  readonly tls: HostTls | null;
  /** In a fixed order (exact before prefix, longer first); always ends with a route that takes every path. */
  readonly routes: readonly Route[];
  /**
   * Further names (`server-alias`), lower-case: exact, `*.x` or `.x`, `x.*`, or `~` and a regular expression. A host of that name
   * comes first, then the first host in alphabetical order that has it. Absent: none.
   */
  readonly aliases?: readonly string[];
  /** Where TLS for this host passes through to, unread (annotation `ssl-passthrough`). Null: it is terminated. */
  readonly passthrough: GroupId | null;
  /** What its server-snippet says; absent: there is none. */
  readonly snippet?: SnippetServer;
}

/** Identifies a TCP or UDP service: one port we listen on, for example `TCP 9000`. Made only by `streamId`. */
export type StreamId = string & { readonly __brand: 'StreamId' };

export type StreamProtocol = 'TCP' | 'UDP';

/** The id of the stream on this port. */
export function streamId(protocol: StreamProtocol, port: number): StreamId {
  return `${protocol} ${port}` as StreamId;
}

/** A port of ours whose connections or datagrams go to a Service (`--tcp-services-configmap`, `--udp-services-configmap`). */
export interface Stream {
  readonly id: StreamId;
  readonly protocol: StreamProtocol;
  /** Where we listen. */
  readonly port: number;
  readonly group: GroupId;
  /** Connections begin with a PROXY header. False for UDP. */
  readonly decodeProxy: boolean;
  /** Endpoints get a PROXY header first. False for UDP. */
  readonly encodeProxy: boolean;
}

/** Everything a worker needs to serve. */
export interface RoutingTable {
  readonly hosts: ReadonlyMap<string, VirtualHost>;
  readonly groups: ReadonlyMap<GroupId, UpstreamGroup>;
  readonly certificates: ReadonlyMap<CertificateId, Certificate>;
  readonly streams: ReadonlyMap<StreamId, Stream>;
  /** Those that routes name in `proxySsl`. */
  readonly upstreamSecrets: ReadonlyMap<CertificateId, UpstreamSecret>;
  /** Served without SNI, for unknown names, and for hosts without a usable certificate of their own. */
  readonly defaultCertificate: Certificate;
}

/** What changed between two tables. Applying it to the first gives the second. */
export interface TablePatch {
  /** Counts up by one with every patch; workers report the last they applied. */
  readonly version: number;
  /** Forget everything before applying: the first patch a new worker gets. */
  readonly reset: boolean;
  readonly hosts: readonly VirtualHost[];
  readonly removedHosts: readonly string[];
  readonly groups: readonly UpstreamGroup[];
  readonly removedGroups: readonly GroupId[];
  readonly certificates: readonly Certificate[];
  readonly removedCertificates: readonly CertificateId[];
  readonly streams: readonly Stream[];
  readonly removedStreams: readonly StreamId[];
  readonly upstreamSecrets: readonly UpstreamSecret[];
  readonly removedUpstreamSecrets: readonly CertificateId[];
  readonly defaultCertificate: Certificate | null;
}
