/** The keys about redirects, which are the defaults of the annotations of the same name. */
import { BOOLEAN, list, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

const REDIRECT_CODE: ValueType<number> = {
  word: '301|302|307|308',
  expected: '301, 302, 307 or 308',
  parse: (value) => [301, 302, 307, 308].find((code) => String(code) === value),
  format: String,
};

const LOCATIONS = list('paths', 'paths that begin with "/", separated by commas', (item) => item.startsWith('/'));
/** In the order of the documentation. */
export const REDIRECT_KEYS: readonly ConfigKey[] = [
  key('ssl-redirect', BOOLEAN, true, 'Redirect HTTP to HTTPS for hosts with a certificate.', (sslRedirect) => ({
    translate: { sslRedirect },
  })),
  key('force-ssl-redirect', BOOLEAN, false, 'Redirect HTTP to HTTPS for all hosts.', (forceSslRedirect) => ({
    translate: { forceSslRedirect },
  })),
  key('preserve-trailing-slash', BOOLEAN, false, 'Keep the trailing "/" in redirects to HTTPS.', (preserveTrailingSlash) => ({
    translate: { preserveTrailingSlash },
  })),
  key('http-redirect-code', REDIRECT_CODE, 308, 'The status of redirects to HTTPS.', (httpRedirectCode) => ({
    translate: { httpRedirectCode },
  })),
  key(
    'no-tls-redirect-locations',
    LOCATIONS,
    ['/.well-known/acme-challenge'],
    'Ingress paths that begin so are never redirected to HTTPS.',
    (noTlsRedirectLocations) => ({ translate: { noTlsRedirectLocations } }),
  ),
  key(
    'use-port-in-redirects',
    BOOLEAN,
    false,
    'Name the port in redirects to HTTPS and in those that add a final "/".',
    (usePortInRedirects) => ({ translate: { usePortInRedirects } }),
  ),
  key(
    'relative-redirects',
    BOOLEAN,
    false,
    'Send redirects that add a final "/" without scheme and host.',
    (relativeRedirects) => ({ translate: { relativeRedirects } }),
  ),
];
