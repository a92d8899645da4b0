/**
 * `auth-tls-*`: clients show a certificate of one of the authorities in a Secret. It holds for the host: the oldest Ingress that
 * asks for it decides. What cannot be understood denies the hosts: it never lets anybody in.
 * ingress-nginx, internal/ingress/annotations/authtls.
 */
import type { ClientAuth } from '../../model/table.ts';
import { isDnsName } from '../../settings/values/values.ts';
import type { PolicyReader } from '../policy.ts';
import { compileRegex } from '../../settings/values/regex.ts';
import { parseInteger, parseText } from '../values.ts';

/** Names a Secret. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** What one Ingress asks for. */
export type ClientCertificateWish = Pick<ClientAuth, 'verify' | 'depth' | 'passCertificate' | 'matchCn' | 'errorPage'> & {
  readonly secret: SecretName;
};

const MODES = ['on', 'off', 'optional', 'optional_no_ca'] as const;
const DENIED = 'Every path of its hosts is answered with 503, also those of other Ingresses: it holds for the host.';
const ERROR_PAGE = /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[\w\-.~!$&'()*+,;=:@%/?#]*)?$/;

/** The Secret in the value of `auth-tls-secret`, `namespace/name`; undefined: it is none. */
export function clientCaSecret(value: unknown): SecretName | undefined {
  const [namespace = '', name = '', ...rest] = typeof value === 'string' ? (parseText(value) ?? '').split('/') : [];
  return rest.length === 0 && isDnsName(namespace) && isDnsName(name) ? { namespace, name } : undefined;
}

/** ingress-nginx's CNs begin with "CN="; RE2 tells what takes time linear in the subject. */
function isPattern(text: string): boolean {
  return text.includes('CN=') && !/\p{Cc}/u.test(text) && typeof compileRegex(text, false) !== 'string';
}

/** Reads the wish of an Ingress; null: there is none; `invalid`: it cannot be understood, which was reported. */
export const clientCertificate: PolicyReader<ClientCertificateWish | null | 'invalid'> = {
  annotations: [
    'auth-tls-secret',
    'auth-tls-verify-client',
    'auth-tls-verify-depth',
    'auth-tls-error-page',
    'auth-tls-pass-certificate-to-upstream',
    'auth-tls-match-cn',
  ],
  read: (source) => {
    const value = source.value('auth-tls-secret');
    if (value === undefined || value === null || (typeof value === 'string' && parseText(value) === undefined)) return null;
    const secret = clientCaSecret(value);
    if (secret === undefined) {
      const message = 'auth-tls-secret is not "namespace/name"';
      source.report('AnnotationInvalid', 'error', 'auth-tls-secret', message, DENIED);
      return 'invalid';
    }
    const matchCn = source.text('auth-tls-match-cn') ?? null;
    const malformed = matchCn === null && typeof (source.value('auth-tls-match-cn') ?? '') !== 'string';
    if (malformed || (matchCn !== null && !isPattern(matchCn))) {
      const message =
        'auth-tls-match-cn is not a regular expression with "CN=", without look-around, back-references and control characters';
      source.report('AnnotationInvalid', 'error', 'auth-tls-match-cn', message, DENIED);
      return 'invalid';
    }
    const modeText = source.text('auth-tls-verify-client');
    const verify = MODES.find((mode) => mode === modeText) ?? 'on';
    if (modeText !== undefined && verify !== modeText)
      source.invalid('auth-tls-verify-client', 'on, off, optional or optional_no_ca', 'The default, on, is used.');
    const depthText = source.text('auth-tls-verify-depth');
    const parsed = depthText === undefined ? undefined : parseInteger(depthText);
    const depth = parsed !== undefined && parsed > 0 && parsed <= 100 ? parsed : 1;
    if (depthText !== undefined && parsed !== depth && parsed !== 0)
      source.invalid('auth-tls-verify-depth', 'an integer from 1 to 100', 'The default, 1, is used.');
    const pageText = source.text('auth-tls-error-page');
    const errorPage = pageText !== undefined && ERROR_PAGE.test(pageText) ? pageText : null;
    if (pageText !== undefined && errorPage === null)
      source.invalid('auth-tls-error-page', 'an http or https URL', 'The client is answered with 400.');
    // Nothing is asked for. With a pattern ingress-nginx looks for it even then, and so lets nobody in.
    if (verify === 'off' && matchCn === null) return null;
    const passCertificate = source.bool('auth-tls-pass-certificate-to-upstream', false);
    return { secret, verify, depth, passCertificate, matchCn, errorPage };
  },
};
