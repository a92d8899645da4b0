import { describe, expect, it } from 'vitest';

import { createReporter } from '../../src/model/report.ts';
import { defaultBackend } from '../../src/policies/backend/default-backend.ts';
import { annotationSource } from '../../src/policies/policy.ts';
import { serviceUpstream } from '../../src/policies/backend/service-upstream.ts';
import { sslRedirect } from '../../src/policies/redirect/ssl-redirect.ts';
import { TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

function read(annotations: unknown, prefix = 'p') {
  const { report, diagnostics } = createReporter({ apiVersion: 'v1', kind: 'Ingress', namespace: 'ns', name: 'i' });
  return { source: annotationSource(annotations, prefix, report, 'default'), diagnostics };
}

describe('annotations', () => {
  it('are read with their prefix, and reported with it', () => {
    const { source, diagnostics } = read({ 'p/on': 'true', 'q/on': 'false', 'p/bad': 'ja' });
    expect([source.bool('on', false), source.bool('off', true), source.bool('bad', true)]).toEqual([true, true, true]);
    expect(diagnostics.map(({ code, field }) => [code, field])).toEqual([['AnnotationInvalid', 'metadata.annotations[p/bad]']]);
    expect(diagnostics[0]?.message).toContain('"ja"');
  });

  it.each([undefined, null, 'text', 7, [], { 'p/on': 7 }, { 'p/on': null }])('may be %j', (annotations) => {
    expect(read(annotations).source.bool('on', true)).toBe(true);
    expect(read(annotations).source.text('on')).toBeUndefined();
  });

  it('are not found on the prototype', () => {
    expect(read({}, '__proto__').source.text('x')).toBeUndefined();
    expect(read(Object.create({ 'p/on': 'false' })).source.bool('on', true)).toBe(true);
  });
});

describe('the reading halves', () => {
  it('take the settings for what is absent', () => {
    const settings = { ...TRANSLATE_DEFAULTS, sslRedirect: false, forceSslRedirect: true, serviceUpstream: true };
    const { source } = read({ 'p/preserve-trailing-slash': 'true' });
    expect(sslRedirect.read(source, settings)).toEqual({ force: true, preserveTrailingSlash: true });
    expect(serviceUpstream.read(source, settings)).toBe(true);
    expect(defaultBackend.read(source, settings)).toBeNull();
  });

  it('take a Service name as default-backend, and report anything else', () => {
    expect(defaultBackend.read(read({ 'p/default-backend': ' errors ' }).source, TRANSLATE_DEFAULTS)).toBe('errors');
    const { source, diagnostics } = read({ 'p/default-backend': 'other/errors' });
    expect(defaultBackend.read(source, TRANSLATE_DEFAULTS)).toBeNull();
    expect(diagnostics.map(({ code }) => code)).toEqual(['AnnotationInvalid']);
  });
});
