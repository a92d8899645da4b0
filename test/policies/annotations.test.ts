import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { createReporter } from '../../src/model/report.ts';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';
import { annotationSource, type Denial } from '../../src/policies/policy.ts';
import { readUnsupported } from '../../src/policies/unsupported.ts';

function read(
  annotations: Readonly<Record<string, unknown>>,
  canary = false,
): { readonly denied: Denial; readonly diagnostics: readonly Diagnostic[] } {
  const { report, diagnostics } = createReporter({ apiVersion: 'v1', kind: 'Ingress', namespace: 'ns', name: 'i' });
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`p/${name}`, value]));
  return { denied: readUnsupported(annotationSource(prefixed, 'p', report, 'default'), canary), diagnostics };
}

describe('the list of annotations', () => {
  it('has all 138 of ingress-nginx, and one of our own', () => {
    expect([...ANNOTATIONS.keys()].filter((name) => name !== 'ssl-protocols')).toHaveLength(138);
    expect(ANNOTATIONS.has('ssl-protocols')).toBe(true);
  });

  it('has a policy for these', () => {
    const supported = [...ANNOTATIONS].filter(([, { kind }]) => kind === 'supported').map(([name]) => name);
    expect(supported.sort()).toEqual([
      'affinity',
      'affinity-canary-behavior',
      'affinity-mode',
      'allowlist-source-range',
      'app-root',
      'auth-always-set-cookie',
      'auth-cache-duration',
      'auth-cache-key',
      'auth-keepalive',
      'auth-keepalive-requests',
      'auth-keepalive-share-vars',
      'auth-keepalive-timeout',
      'auth-method',
      'auth-proxy-set-headers',
      'auth-realm',
      'auth-request-redirect',
      'auth-response-headers',
      'auth-secret',
      'auth-secret-type',
      'auth-signin',
      'auth-signin-redirect-param',
      'auth-snippet',
      'auth-tls-error-page',
      'auth-tls-match-cn',
      'auth-tls-pass-certificate-to-upstream',
      'auth-tls-secret',
      'auth-tls-verify-client',
      'auth-tls-verify-depth',
      'auth-type',
      'auth-url',
      'backend-protocol',
      'canary',
      'canary-by-cookie',
      'canary-by-header',
      'canary-by-header-pattern',
      'canary-by-header-value',
      'canary-weight',
      'canary-weight-total',
      'client-body-buffer-size',
      'configuration-snippet',
      'connection-proxy-header',
      'cors-allow-credentials',
      'cors-allow-headers',
      'cors-allow-methods',
      'cors-allow-origin',
      'cors-expose-headers',
      'cors-max-age',
      'custom-headers',
      'custom-http-errors',
      'default-backend',
      'denylist-source-range',
      'disable-proxy-intercept-errors',
      'enable-access-log',
      'enable-cors',
      'enable-global-auth',
      'enable-opentelemetry',
      'enable-rewrite-log',
      'force-ssl-redirect',
      'from-to-www-redirect',
      'limit-allowlist',
      'limit-burst-multiplier',
      'limit-connections',
      'limit-rate',
      'limit-rate-after',
      'limit-rpm',
      'limit-rps',
      'limit-whitelist',
      'load-balance',
      'mirror-host',
      'mirror-request-body',
      'mirror-target',
      'opentelemetry-operation-name',
      'opentelemetry-trust-incoming-span',
      'permanent-redirect',
      'permanent-redirect-code',
      'preserve-trailing-slash',
      'proxy-body-size',
      'proxy-buffer-size',
      'proxy-buffering',
      'proxy-buffers-number',
      'proxy-busy-buffers-size',
      'proxy-connect-timeout',
      'proxy-cookie-domain',
      'proxy-cookie-path',
      'proxy-http-version',
      'proxy-max-temp-file-size',
      'proxy-next-upstream',
      'proxy-next-upstream-timeout',
      'proxy-next-upstream-tries',
      'proxy-read-timeout',
      'proxy-redirect-from',
      'proxy-redirect-to',
      'proxy-request-buffering',
      'proxy-send-timeout',
      'proxy-ssl-ciphers',
      'proxy-ssl-name',
      'proxy-ssl-protocols',
      'proxy-ssl-secret',
      'proxy-ssl-server-name',
      'proxy-ssl-verify',
      'proxy-ssl-verify-depth',
      'relative-redirects',
      'rewrite-target',
      'satisfy',
      'server-alias',
      'server-snippet',
      'service-upstream',
      'session-cookie-change-on-failure',
      'session-cookie-conditional-samesite-none',
      'session-cookie-domain',
      'session-cookie-expires',
      'session-cookie-max-age',
      'session-cookie-name',
      'session-cookie-path',
      'session-cookie-samesite',
      'session-cookie-secure',
      'ssl-ciphers',
      'ssl-passthrough',
      'ssl-prefer-server-ciphers',
      'ssl-protocols',
      'ssl-redirect',
      'temporal-redirect',
      'temporal-redirect-code',
      'upstream-hash-by',
      'upstream-hash-by-subset',
      'upstream-hash-by-subset-size',
      'upstream-vhost',
      'use-port-in-redirects',
      'use-regex',
      'whitelist-source-range',
      'x-forwarded-prefix',
    ]);
  });

  it('has a switch that is reported for every option', () => {
    for (const [name, treatment] of ANNOTATIONS) {
      if (treatment.kind !== 'option') continue;
      const kind = ANNOTATIONS.get(treatment.of)?.kind;
      expect([name, kind === 'protects' || kind === 'refused' || kind === 'alters']).toEqual([name, true]);
    }
  });
});

describe('other annotations', () => {
  it('warn', () => {
    const { denied, diagnostics } = read({ 'http2-push-preload': 'true' });
    expect(denied).toBe('none');
    expect(diagnostics.map(({ severity, message }) => [severity, message])).toEqual([
      ['warning', 'http2-push-preload (here "true") is not supported yet'],
    ]);
  });

  it('do not count on a canary, but what nobody knows is reported', () => {
    const { denied, diagnostics } = read(
      { canary: 'true', 'auth-type': 'basic', 'enable-cors': 'true', 'canary-wieght': '1' },
      true,
    );
    expect(denied).toBe('none');
    expect(diagnostics.map(({ field }) => field)).toEqual(['metadata.annotations[p/canary-wieght]']);
  });

  it('that are unknown are reported, with the one that is close', () => {
    const { denied, diagnostics } = read({ 'auth-ulr': 'x', 'enable-websockets': 'true', '\u0007': '' });
    expect(denied).toBe('none');
    expect(diagnostics.map(({ code, field, message }) => [code, field, message])).toEqual([
      ['AnnotationUnknown', String.raw`metadata.annotations[p/\u0007]`, String.raw`"\u0007" is no annotation of ingress-nginx`],
      [
        'AnnotationUnknown',
        'metadata.annotations[p/auth-ulr]',
        '"auth-ulr" is no annotation of ingress-nginx; did you mean auth-url?',
      ],
      [
        'AnnotationUnknown',
        'metadata.annotations[p/enable-websockets]',
        '"enable-websockets" is no annotation of ingress-nginx',
      ],
    ]);
  });

  it('that are unknown and many are reported ten times', () => {
    const { diagnostics } = read(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`unknown-${index}`, ''])));
    expect(diagnostics.length).toBe(10);
    expect(diagnostics.at(-1)?.message).toContain('490 more');
  });
});

describe('any annotations', () => {
  it('never throw, and deny exactly when an error says so', () => {
    const name = fc.oneof(fc.constantFrom(...ANNOTATIONS.keys()), fc.string());
    const value = fc.oneof(fc.constantFrom('true', 'false', '0', '', 'off', 'HTTP'), fc.string(), fc.anything({ maxDepth: 1 }));
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 8 }), (annotations) => {
        const { denied, diagnostics } = read(annotations);
        expect(diagnostics.some(({ severity }) => severity === 'error')).toBe(denied !== 'none');
      }),
      { numRuns: 300 },
    );
  });
});
