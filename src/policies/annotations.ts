/**
 * Every annotation of ingress-nginx v1.15.1, once, and what becomes of it here. One that protects and is not supported denies the
 * routes of its Ingress: it is never ignored.
 */
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
import { parseGoBool } from '../settings/values/values.ts';
import { parseInteger } from './values.ts';

/** The value of an annotation of the same Ingress, trimmed; undefined when absent or empty. */
export type AnnotationValues = (name: string) => string | undefined;

/** What becomes of an annotation. `active` tells whether the Ingress asks for something with it; a value that says "off" does not. */
export type AnnotationTreatment =
  /** A policy reads it. */
  | { readonly kind: 'supported' }
  /** Shapes what another annotation switches on, and does nothing alone: that other one is reported. */
  | { readonly kind: 'option'; readonly of: string }
  /** What it asks for is not there and never will be: it denies. `rules/modsecurity.ts` says so. */
  | { readonly kind: 'refused' }
  /** Its absence makes no difference here. */
  | { readonly kind: 'harmless' }
  /** Without it, requests would get through that must not, or go where they must not: the Ingress is denied. */
  | {
      readonly kind: 'protects';
      readonly active: (values: AnnotationValues) => boolean;
      /** In ingress-nginx it holds for all Ingresses of the host, not only for the one that carries it. */
      readonly wholeHost: boolean;
    }
  /** Without it, requests are served, but not as asked. `served` says how. */
  | { readonly kind: 'alters'; readonly active: (values: AnnotationValues) => boolean; readonly served: string };

const list = new Map<string, AnnotationTreatment>();

function words(names: string): readonly string[] {
  return names.trim().split(/\s+/);
}

/** What counts as "off", next to absence. What cannot be understood does not: a bad value of what protects denies. */
const OFF = {
  never: () => false,
  false: (text: string) => parseGoBool(text) === false,
  true: (text: string) => parseGoBool(text) === true,
  zero: (text: string) => (parseInteger(text) ?? 1) <= 0,
  is: (value: string) => (text: string) => text.toLowerCase() === value,
} as const;

function activeUnless(name: string, off: (text: string) => boolean): (values: AnnotationValues) => boolean {
  return (values) => {
    const text = values(name);
    return text !== undefined && !off(text);
  };
}

function alters(names: string, served: string, off: (text: string) => boolean = OFF.never): void {
  for (const name of words(names)) list.set(name, { kind: 'alters', active: activeUnless(name, off), served });
}

function options(of: string, names: string): void {
  for (const name of words(names)) list.set(name, { kind: 'option', of });
}

for (const { annotations } of [
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
]) {
  for (const name of annotations) list.set(name, { kind: 'supported' });
}
for (const name of ROUTE_ANNOTATIONS) list.set(name, { kind: 'supported' });
for (const name of REFUSED_ANNOTATIONS) list.set(name, { kind: 'refused' });
options('enable-modsecurity', 'modsecurity-transaction-id');
// FastCGI is refused, whatever they say.
for (const name of words('fastcgi-index fastcgi-params-configmap')) list.set(name, { kind: 'harmless' });

alters('http2-push-preload', 'Nothing is pushed: browsers have given HTTP/2 push up, and so has nginx.', OFF.false);

/** All 138 annotations of ingress-nginx, and our own `ssl-protocols`, by the name behind the prefix. */
export const ANNOTATIONS: ReadonlyMap<string, AnnotationTreatment> = list;
