/**
 * Another implementation of HTTP/2 than Node's at both ends would find what both of its ends do wrong alike. Source: nghttp2's own client and load generator, as in
 * Debian (nghttp2-client). Without them the tests are skipped, but not on CI.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { skippedWithout } from '../../support/system-tools.ts';
import { allSucceeded, h2load, nghttp } from './h2load.ts';

describe.skipIf(skippedWithout('h2load') || skippedWithout('nghttp'))('nghttp2-client', () => {
  it.for([
    ['connections with several streams', ['-c', '8', '-m', '8']],
    ['as many streams as are allowed', ['-c', '1', '-m', '128']],
    ['small windows', ['-c', '2', '-m', '4', '-w', '10', '-W', '10']],
    ['uploads', ['-c', '2', '-m', '4', '-d', fileURLToPath(import.meta.url)]],
  ] as const)('h2load: %s, without a failure', async ([, args]) => {
    expect(await h2load(2000, ...args)).toBe(allSucceeded(2000));
  });

  it('nghttp: a page, a HEAD, a padded upload, continuation frames', async () => {
    expect(await nghttp()).toBe('GET /path 0');
    expect(await nghttp('-H:method: HEAD')).toBe('');
    const file = fileURLToPath(import.meta.url);
    expect(await nghttp('-d', file, '-b', '100')).toMatch(/^POST \/path \d{3,}$/);
    // More than a frame may have.
    const long = ['a', 'b', 'c'].flatMap((name) => ['-H', `x-${name}: ${name.repeat(7000)}`]);
    expect(await nghttp(...long)).toBe('GET /path 0');
  });
});
