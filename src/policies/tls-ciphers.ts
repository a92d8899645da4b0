/**
 * `ssl-ciphers`, `ssl-prefer-server-ciphers`: which cipher suites a host takes with TLS 1.2, and whose order counts. They hold for
 * the host: the oldest Ingress that has one decides, as in ingress-nginx.
 */
import { CIPHERS } from '../settings/tls-values.ts';
import type { PolicyReader } from './policy.ts';

/** What one Ingress asks for; null: nothing. */
export interface TlsCiphersWish {
  readonly ciphers: string | null;
  readonly preferServer: boolean | null;
}

const AS_ALL = 'The setting of the ConfigMap, or its default, is used.';

/** Reads the wish of an Ingress. */
export const tlsCiphers: PolicyReader<TlsCiphersWish> = {
  annotations: ['ssl-ciphers', 'ssl-prefer-server-ciphers'],
  read: (source) => {
    const text = source.text('ssl-ciphers');
    const ciphers = text === undefined ? null : (CIPHERS.parse(text) ?? null);
    if (text !== undefined && ciphers === null) source.invalid('ssl-ciphers', 'an OpenSSL cipher list', AS_ALL);
    const preferServer =
      source.text('ssl-prefer-server-ciphers') === undefined ? null : source.bool('ssl-prefer-server-ciphers', true);
    return { ciphers, preferServer };
  },
};
