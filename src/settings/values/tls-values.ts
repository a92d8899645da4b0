/** The grammars of the settings of TLS: what OpenSSL takes is asked of OpenSSL. */
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsVersions } from '../../model/table.ts';
import { atLeast, NGINX_TIME, text, type ValueType } from './values.ts';

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** The versions of TLS, `ssl-protocols`. */
export const TLS_PROTOCOLS: ValueType<TlsVersions> = {
  word: 'protocols',
  expected: '"TLSv1.2", "TLSv1.3" or both; older versions are not offered (RFC 8996)',
  parse: (value) => {
    const words = value.split(/\s+/);
    if (!words.every((word) => TLS_VERSIONS.some((version) => version === word))) return undefined;
    const [min, max = min] = TLS_VERSIONS.filter((version) => words.includes(version));
    return min === undefined || max === undefined ? undefined : { min, max };
  },
  format: ({ min, max }) => (min === max ? min : `${min} ${max}`),
};

function accepted(options: SecureContextOptions): boolean {
  try {
    createSecureContext({ ...options, ca: [] });
    return true;
  } catch {
    return false;
  }
}

/** The cipher suites of TLS 1.2, as OpenSSL lists them. */
export const CIPHERS = text('ciphers', 'an OpenSSL cipher list', (ciphers) => accepted({ ciphers }));
/** The groups of the key exchange, as OpenSSL names them, or `auto`. */
export const CURVES = text(
  'curves',
  '"auto" or names of curves that OpenSSL knows, such as X25519:P-256',
  (curves) => curves === 'auto' || accepted({ ecdhCurve: curves }),
);
/** How long a session can be resumed: OpenSSL counts in seconds. */
export const SESSION_TIME = atLeast(NGINX_TIME, 1000, 'a time from 1s to 24 days such as 10m or 1h30m');

/** ingress-nginx's `ssl-ciphers`. */
export const DEFAULT_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
].join(':');
