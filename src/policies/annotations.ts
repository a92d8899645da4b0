/** Every annotation of ingress-nginx v1.15.1, once, and what becomes of it here. */
import { affinity } from './balance/affinity.ts';
import { canary } from './balance/canary.ts';
import { hashBy } from './balance/hash-by.ts';
import { loadBalance } from './balance/load-balance.ts';
import { clientCertificate } from './tls/client-certificate.ts';
import { defaultBackend } from './backend/default-backend.ts';
import { serverAlias } from './host/server-alias.ts';
import { wwwRedirect } from './redirect/www-redirect.ts';
import { ROUTE_ANNOTATIONS } from './registry.ts';
import { REFUSED_ANNOTATIONS } from './rules/modsecurity.ts';
import { proxySsl } from './tls/proxy-ssl.ts';
import { serviceUpstream } from './backend/service-upstream.ts';
import { sslPassthrough } from './tls/ssl-passthrough.ts';
import { tlsCiphers } from './tls/tls-ciphers.ts';

/** What becomes of an annotation. */
export type AnnotationTreatment =
  /** A policy reads it. */
  | { readonly kind: 'supported' }
  /** Shapes what another annotation switches on, and does nothing alone: that other one is reported. */
  | { readonly kind: 'option'; readonly of: string }
  /** What it asks for is not there and never will be: it denies, and is never ignored. `rules/modsecurity.ts` says so. */
  | { readonly kind: 'refused' }
  /** It is not read: `backend-protocol: FCGI`, without which it means nothing, denies. */
  | { readonly kind: 'harmless' }
  /** Not honoured, and nobody misses it. `served`: what happens instead. */
  | { readonly kind: 'idle'; readonly served: string };

const READERS = [
  clientCertificate,
  defaultBackend,
  proxySsl,
  serverAlias,
  serviceUpstream,
  sslPassthrough,
  tlsCiphers,
  wwwRedirect,
  affinity,
  canary,
  hashBy,
  loadBalance,
];

/** All 138 annotations of ingress-nginx, and our own `ssl-protocols`, by the name behind the prefix. */
export const ANNOTATIONS: ReadonlyMap<string, AnnotationTreatment> = new Map<string, AnnotationTreatment>([
  ...[...READERS.flatMap(({ annotations }) => annotations), ...ROUTE_ANNOTATIONS].map(
    (name) => [name, { kind: 'supported' }] as const,
  ),
  ...REFUSED_ANNOTATIONS.map((name) => [name, { kind: 'refused' }] as const),
  ['modsecurity-transaction-id', { kind: 'option', of: 'enable-modsecurity' }],
  ['fastcgi-index', { kind: 'harmless' }],
  ['fastcgi-params-configmap', { kind: 'harmless' }],
  ['http2-push-preload', { kind: 'idle', served: 'Nothing is pushed: browsers have given HTTP/2 push up, and so has nginx.' }],
]);

/** Those that count on a canary, which has neither hosts nor routes of its own. */
export const CANARY_ANNOTATIONS: ReadonlySet<string> = new Set(
  [canary, affinity, hashBy, loadBalance, serviceUpstream].flatMap(({ annotations }) => annotations),
);
