import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { createReporter } from '../../src/model/report.ts';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';
import { annotationSource } from '../../src/policies/policy.ts';
import { reportUnread } from '../../src/policies/unread.ts';

/** What is said of these annotations. */
function read(annotations: Readonly<Record<string, unknown>>): readonly Diagnostic[] {
  const { report, diagnostics } = createReporter({ apiVersion: 'v1', kind: 'Ingress', namespace: 'ns', name: 'i' });
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`p/${name}`, value]));
  reportUnread(annotationSource(prefixed, 'p', report, 'default'));
  return diagnostics;
}

describe('the list of annotations', () => {
  it('has all 138 of ingress-nginx, and one of our own', () => {
    expect([...ANNOTATIONS.keys()].filter((name) => name !== 'ssl-protocols')).toHaveLength(138);
    expect(ANNOTATIONS.has('ssl-protocols')).toBe(true);
  });

  it('has a policy for all but these', () => {
    const others = [...ANNOTATIONS].filter(([, { kind }]) => kind !== 'supported');
    expect(others.map(([name, { kind }]) => `${name}: ${kind}`)).toEqual([
      'enable-modsecurity: refused',
      'enable-owasp-core-rules: refused',
      'modsecurity-snippet: refused',
      'stream-snippet: refused',
      'modsecurity-transaction-id: option',
      'fastcgi-index: harmless',
      'fastcgi-params-configmap: harmless',
      'http2-push-preload: idle',
    ]);
  });
});

describe('other annotations', () => {
  it('warn', () => {
    const diagnostics = read({ 'http2-push-preload': 'true' });
    expect(diagnostics.map(({ severity, message }) => [severity, message])).toEqual([
      ['warning', 'http2-push-preload is not supported'],
    ]);
  });

  it.each(['false', '0', '', ' '])('do not when they say "off": %j', (value) => {
    expect(read({ 'http2-push-preload': value })).toEqual([]);
  });

  it('that are unknown are reported, with the one that is close', () => {
    const diagnostics = read({ 'auth-ulr': 'x', 'enable-websockets': 'true', '\u0007': '' });
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
    const diagnostics = read(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`unknown-${index}`, ''])));
    expect(diagnostics.length).toBe(10);
    expect(diagnostics.at(-1)?.message).toContain('490 more');
  });
});

describe('any annotations', () => {
  it('never throw', () => {
    const name = fc.oneof(fc.constantFrom(...ANNOTATIONS.keys()), fc.string());
    const value = fc.oneof(fc.constantFrom('true', 'false', '0', '', 'off', 'HTTP'), fc.string(), fc.anything({ maxDepth: 1 }));
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 8 }), (annotations) => {
        expect(read(annotations).every(({ severity }) => severity === 'warning')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
