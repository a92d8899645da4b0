import { describe, expect, it } from 'vitest';

import type { SslRedirectWish } from '../../src/policies/ssl-redirect.ts';
import { sslRedirectOf } from '../../src/policies/ssl-redirect.ts';
import { TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

const wish = (redirect: boolean, force: boolean): SslRedirectWish => ({ redirect, force, preserveTrailingSlash: true });

describe('sslRedirectOf', () => {
  it.each([
    [true, false, true, true],
    [true, false, false, false],
    [false, false, true, false],
    [false, true, false, true],
    [true, true, true, true],
  ])('ssl-redirect %s, force %s, certificate %s: redirects %s', (redirect, force, certificate, redirects) => {
    const policy = sslRedirectOf(wish(redirect, force), certificate, '/', TRANSLATE_DEFAULTS);
    expect(policy).toEqual(redirects ? { code: 308, preserveTrailingSlash: true } : null);
  });

  it('leaves paths below no-tls-redirect-locations alone, even when forced; an empty item matches nothing', () => {
    const settings = { ...TRANSLATE_DEFAULTS, noTlsRedirectLocations: ['', '/acme'] };
    expect(sslRedirectOf(wish(true, true), true, '/acme/x', settings)).toBeNull();
    expect(sslRedirectOf(wish(true, true), true, '/other', settings)).not.toBeNull();
  });
});
