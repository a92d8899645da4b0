/** The keys of TLS to clients. */
import { CIPHERS, CURVES, DEFAULT_CIPHERS, SESSION_TIME, TLS_PROTOCOLS } from '../values/tls-values.ts';
import { BOOLEAN, NGINX_SIZE } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

/** In the order of the documentation. */
export const TLS_KEYS: readonly ConfigKey[] = [
  key(
    'ssl-protocols',
    TLS_PROTOCOLS,
    { min: 'TLSv1.2', max: 'TLSv1.3' },
    'The TLS versions offered to clients.',
    ({ min, max }) => ({ proxy: { tlsMinVersion: min, tlsMaxVersion: max } }),
  ),
  key('ssl-ciphers', CIPHERS, DEFAULT_CIPHERS, 'The cipher suites of TLS 1.2, best first.', (tlsCiphers) => ({
    proxy: { tlsCiphers },
  })),
  key(
    'ssl-ecdh-curve',
    CURVES,
    'auto',
    'The curves of the key exchange, best first. auto: as OpenSSL has them, without those of finite fields.',
    (tlsCurves) => ({
      proxy: { tlsCurves },
    }),
  ),
  key(
    'ssl-reject-handshake',
    BOOLEAN,
    false,
    'Refuse TLS handshakes for names that no Ingress has, and those without a name.',
    (tlsRejectUnknown) => ({ proxy: { tlsRejectUnknown } }),
  ),
  key(
    'enable-ocsp',
    BOOLEAN,
    false,
    'Staple certificates with what their issuer says of them (OCSP), asked at the http address in the certificate.',
    (ocspStapling) => ({ proxy: { ocspStapling } }),
  ),
  key('ssl-session-cache', BOOLEAN, true, 'Clients may resume TLS sessions, on any worker.', (tlsSessionCache) => ({
    proxy: { tlsSessionCache },
  })),
  key('ssl-session-tickets', BOOLEAN, false, 'The same: sessions are kept in tickets in either case.', (tlsSessionTickets) => ({
    proxy: { tlsSessionTickets },
  })),
  key(
    'ssl-session-cache-size',
    NGINX_SIZE,
    10 * 1024 ** 2,
    'Without effect: clients keep their sessions, encrypted.',
    () => ({}),
  ),
  key('ssl-session-timeout', SESSION_TIME, 600_000, 'How long a TLS session can be resumed.', (tlsSessionTimeout) => ({
    proxy: { tlsSessionTimeout },
  })),
];
