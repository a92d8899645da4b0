import { describe, expect, it } from 'vitest';

import type { SslRedirect } from '../../src/model/policies.ts';
import type { RouteContext } from '../../src/policies/policy.ts';
import { annotationSource } from '../../src/policies/policy.ts';
import { sslRedirect } from '../../src/policies/redirect/ssl-redirect.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

/** What the annotations come to for a route. */
function resolved(
  annotations: Readonly<Record<string, string>>,
  at: Partial<RouteContext>,
  settings: TranslateSettings = TRANSLATE_DEFAULTS,
): SslRedirect | undefined {
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`p/${name}`, value]));
  const wish = sslRedirect.read(
    annotationSource(prefixed, 'p', () => undefined, 'default'),
    settings,
  );
  return (
    wish &&
    sslRedirect.resolve(wish, { settings, path: '/', hostHasCertificate: true, aliasesCovered: null, ...at } as RouteContext)
  );
}

describe('ssl-redirect', () => {
  it.each([
    [true, false, true, true],
    [true, false, false, false],
    [false, false, true, false],
    [false, true, false, true],
    [true, true, true, true],
  ])('%s, force %s, certificate %s: redirects %s', (redirect, force, hostHasCertificate, redirects) => {
    const annotations = { 'ssl-redirect': String(redirect), 'force-ssl-redirect': String(force) };
    const kept = { ...annotations, 'preserve-trailing-slash': 'true' };
    expect(resolved(kept, { hostHasCertificate })).toEqual(redirects ? { code: 308, preserveTrailingSlash: true } : undefined);
  });

  it('leaves paths below no-tls-redirect-locations alone, even when forced; an empty item matches nothing', () => {
    const settings = { ...TRANSLATE_DEFAULTS, noTlsRedirectLocations: ['', '/acme'] };
    const forced = { 'force-ssl-redirect': 'true' };
    expect(resolved(forced, { path: '/acme/x' }, settings)).toBeUndefined();
    expect(resolved(forced, { path: '/other' }, settings)).toEqual({ code: 308, preserveTrailingSlash: false });
  });
});
