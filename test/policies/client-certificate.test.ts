import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReporter } from '../../src/model/report.ts';
import { clientCaSecret, clientCertificate } from '../../src/policies/tls/client-certificate.ts';
import { annotationSource } from '../../src/policies/policy.ts';
import { tlsCiphers } from '../../src/policies/tls/tls-ciphers.ts';
import { TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

function sourceOf(annotations: Readonly<Record<string, unknown>>) {
  const { report, diagnostics } = createReporter({ apiVersion: 'v1', kind: 'Ingress', namespace: 'ns', name: 'web' });
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`p/${name}`, value]));
  return { source: annotationSource(prefixed, 'p', report, 'default'), diagnostics };
}

function read(annotations: Readonly<Record<string, unknown>>) {
  const { source, diagnostics } = sourceOf(annotations);
  return { wish: clientCertificate.read(source, TRANSLATE_DEFAULTS), diagnostics };
}

const PLAIN = {
  secret: { namespace: 'ns', name: 'ca' },
  verify: 'on',
  depth: 1,
  passCertificate: false,
  matchCn: null,
  errorPage: null,
};

describe('auth-tls-*', () => {
  it('asks for nothing without a Secret, or when it is off', () => {
    for (const annotations of [
      {},
      { 'auth-tls-secret': '' },
      { 'auth-tls-secret': null },
      { 'auth-tls-verify-client': 'on', 'auth-tls-match-cn': 'CN=x' },
      { 'auth-tls-secret': 'ns/ca', 'auth-tls-verify-client': 'off' },
    ])
      expect(read(annotations)).toEqual({ wish: null, diagnostics: [] });
  });

  it('takes what ingress-nginx takes', () => {
    expect(read({ 'auth-tls-secret': ' ns/ca ' }).wish).toEqual(PLAIN);
    const all = {
      'auth-tls-secret': 'ns/ca',
      'auth-tls-verify-client': 'optional_no_ca',
      'auth-tls-verify-depth': '5',
      'auth-tls-error-page': 'http://www.mysite.com:8080/error-cert.html?x=1',
      'auth-tls-pass-certificate-to-upstream': 'true',
      'auth-tls-match-cn': 'CN=abc.com',
    };
    expect(read(all)).toEqual({
      wish: {
        ...PLAIN,
        verify: 'optional_no_ca',
        depth: 5,
        errorPage: 'http://www.mysite.com:8080/error-cert.html?x=1',
        passCertificate: true,
        matchCn: 'CN=abc.com',
      },
      diagnostics: [],
    });
    // ingress-nginx reads 0 as its default.
    expect(read({ 'auth-tls-secret': 'ns/ca', 'auth-tls-verify-depth': '0' })).toEqual({ wish: PLAIN, diagnostics: [] });
  });

  it.each([
    { 'auth-tls-secret': 'ca' },
    { 'auth-tls-secret': '/ca' },
    { 'auth-tls-secret': 'ns/' },
    { 'auth-tls-secret': 'ns/ca/x' },
    { 'auth-tls-secret': '../ca' },
    { 'auth-tls-secret': 'ns/../../etc' },
    { 'auth-tls-secret': 7 },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': 'alice' },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': 'CN=(' },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': 'CN=(a)\\1' },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': `CN=${'x'.repeat(5000)}` },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': ['CN=a'] },
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-verify-client': 'off', 'auth-tls-match-cn': 'CN=(?=x)' },
    // CVE-2025-1097.
    { 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': 'CN=abc #(\n){}\n }}\nssl_engine x;\n#' },
  ])('that cannot be understood denies the hosts: %j', (annotations) => {
    const { wish, diagnostics } = read(annotations);
    expect(wish).toBe('invalid');
    expect(diagnostics.at(-1)).toMatchObject({ code: 'AnnotationInvalid', severity: 'error' });
    expect(diagnostics.at(-1)?.served).toContain('503');
  });

  it.each([
    { 'auth-tls-verify-client': 'On' },
    { 'auth-tls-verify-client': 'optional-no-ca' },
    { 'auth-tls-verify-client': true },
    { 'auth-tls-verify-depth': '-1' },
    { 'auth-tls-verify-depth': '101' },
    { 'auth-tls-verify-depth': 'deep' },
    { 'auth-tls-error-page': '@named' },
    { 'auth-tls-error-page': '/page' },
    { 'auth-tls-error-page': 'https://a.example/\r\nX-Evil: 1' },
    { 'auth-tls-error-page': 'javascript:alert(1)' },
    { 'auth-tls-pass-certificate-to-upstream': 'maybe' },
  ])('that shapes it and is wrong leaves the strict default, and is reported: %j', (annotations) => {
    const { wish, diagnostics } = read({ 'auth-tls-secret': 'ns/ca', ...annotations });
    expect(wish).toEqual(PLAIN);
    expect(diagnostics).toHaveLength(1);
  });

  it('names a Secret in one place, whatever the annotation is', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const name = clientCaSecret(value);
        return name === undefined || (typeof value === 'string' && value.trim() === `${name.namespace}/${name.name}`);
      }),
    );
  });
});

describe('auth-tls-match-cn', () => {
  it.each([
    'CN=abc.com',
    'CN=(foo|bar)',
    '^CN=[a-z]+$',
    'CN=test\\..*',
    'CN=a{2,5}b?',
    '(?:CN=a|CN=b),O=x',
    'CN=[^\\]\\d.-]+',
    'CN=(a+)+$',
  ])('takes what RE2 takes: %s', (pattern) =>
    expect(read({ 'auth-tls-secret': 'ns/ca', 'auth-tls-match-cn': pattern }).wish).toMatchObject({ matchCn: pattern }),
  );
});

describe('ssl-ciphers and ssl-prefer-server-ciphers', () => {
  const NOTHING = { ciphers: null, preferServer: null, versions: null, denied: false };
  const ciphersOf = (annotations: Readonly<Record<string, unknown>>) => {
    const { source, diagnostics } = sourceOf(annotations);
    return [tlsCiphers.read(source, TRANSLATE_DEFAULTS), diagnostics.map(({ code }) => code)];
  };

  it('are what OpenSSL takes, and a boolean', () => {
    expect(ciphersOf({})).toEqual([NOTHING, []]);
    const list = 'ALL:!aNULL:!EXPORT56:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:+EXP';
    expect(ciphersOf({ 'ssl-ciphers': list, 'ssl-prefer-server-ciphers': 'false' })).toEqual([
      { ...NOTHING, ciphers: list, preferServer: false },
      [],
    ]);
  });

  it.each([
    ['TLSv1.3', 'TLSv1.3', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
    [' TLSv1.3  TLSv1.2 ', 'TLSv1.2', 'TLSv1.3'],
  ])('ssl-protocols %j offers these versions', (value, min, max) => {
    expect(ciphersOf({ 'ssl-protocols': value })).toEqual([{ ...NOTHING, versions: { min, max } }, []]);
  });

  it.each(['TLSv1.1 TLSv1.3', 'TLSv1', 'tlsv1.3', 'TLSv1.3,TLSv1.2'])('ssl-protocols %j denies', (value) => {
    expect(ciphersOf({ 'ssl-protocols': value })).toEqual([{ ...NOTHING, denied: true }, ['AnnotationInvalid']]);
  });

  it('that are wrong leave the setting of all hosts, and are reported', () => {
    const wrong = { 'ssl-ciphers': 'NO-SUCH-CIPHER', 'ssl-prefer-server-ciphers': 'perhaps' };
    expect(ciphersOf(wrong)).toEqual([{ ...NOTHING, preferServer: true }, ['AnnotationInvalid', 'AnnotationInvalid']]);
  });
});
