/**
 * `ssl-ciphers`, `ssl-prefer-server-ciphers`: which cipher suites a host takes with TLS 1.2, and whose order counts; `ssl-protocols`,
 * which ingress-nginx has for all hosts only: which versions of TLS it takes. They hold for the host: the oldest Ingress that has one
 * decides, as in ingress-nginx.
 */
import type { TlsVersions } from '../../model/table.ts';
import { CIPHERS, TLS_PROTOCOLS } from '../../settings/values/tls-values.ts';
import type { PolicyReader } from '../policy.ts';

/** What one Ingress asks for; null: nothing. */
export interface TlsCiphersWish {
  readonly ciphers: string | null;
  readonly preferServer: boolean | null;
  readonly versions: TlsVersions | null;
  /** The versions cannot be understood: they are there to keep old clients out. */
  readonly denied: boolean;
}

const AS_ALL = 'The setting of the ConfigMap, or its default, is used.';
const DENIED = 'Every path of its hosts is answered with 503, also those of other Ingresses: it holds for the host.';

/** Reads the wish of an Ingress. */
export const tlsCiphers: PolicyReader<TlsCiphersWish> = {
  annotations: ['ssl-ciphers', 'ssl-prefer-server-ciphers', 'ssl-protocols'],
  read: (source) => {
    const text = source.text('ssl-ciphers');
    const ciphers = text === undefined ? null : (CIPHERS.parse(text) ?? null);
    if (text !== undefined && ciphers === null) source.invalid('ssl-ciphers', 'an OpenSSL cipher list', AS_ALL);
    const preferServer =
      source.text('ssl-prefer-server-ciphers') === undefined ? null : source.bool('ssl-prefer-server-ciphers', true);
    const wanted = source.text('ssl-protocols');
    const versions = wanted === undefined ? null : (TLS_PROTOCOLS.parse(wanted) ?? null);
    const denied = wanted !== undefined && versions === null;
    if (denied) source.invalid('ssl-protocols', TLS_PROTOCOLS.expected, DENIED, 'error');
    return { ciphers, preferServer, versions, denied };
  },
};
