/** Who may come by address: `denylist-source-range`, `allowlist-source-range`, `whitelist-source-range`, and the ConfigMap's lists. */
import { afterEach, describe, expect, it } from 'vitest';
import { addressSet } from '../../src/policies/address-set.ts';
import { scene } from '../support/auth.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** Addresses are those that a proxy in front of us says. */
const BEHIND_PROXY = { useForwardedHeaders: true, trustedProxies: ['127.0.0.1/32'] };

/** The status that a client at this address gets. */
async function statusFor(
  annotations: Readonly<Record<string, unknown>>,
  address: string,
  translate: Parameters<typeof scene>[2] = {},
): Promise<number> {
  const { ask } = await scene(stage, annotations, { proxy: BEHIND_PROXY, ...translate });
  return (await ask('/', `X-Forwarded-For: ${address}\r\n`)).status;
}

describe('allowlist-source-range', () => {
  it.each([
    ['absent: everybody', undefined, '192.0.2.1', 200],
    ['a range, an address in it', '192.0.2.0/24', '192.0.2.77', 200],
    ['a range, an address beside it', '192.0.2.0/24', '192.0.3.1', 403],
    ['a single address', '192.0.2.1', '192.0.2.1', 200],
    ['a single address, another', '192.0.2.1', '192.0.2.2', 403],
    ['several, with spaces and bits beyond the prefix', ' 10.1.2.3/8 , 2001:db8::1/32', '10.9.9.9', 200],
    ['IPv6', '10.0.0.0/8,2001:db8::/32', '2001:db8:1::5', 200],
    ['IPv6, another', '2001:db8::/32', '2001:db9::1', 403],
    ['an IPv4 range written in IPv6', '::ffff:192.0.2.0/120', '192.0.2.9', 200],
    ['all of IPv6 is none of IPv4', '::/0', '192.0.2.9', 403],
    ["cert-manager's solver: everybody", '0.0.0.0/0,::/0', '192.0.2.9', 200],
    ['nonsense: nobody', 'nonsense', '192.0.2.9', 503],
    ['one item of nonsense: nobody', '192.0.2.0/24,300.1.1.1', '192.0.2.9', 503],
    ['a prefix too long: nobody', '192.0.2.0/33', '192.0.2.9', 503],
    ['a comma: nobody', ',', '192.0.2.9', 503],
    ['quotes and braces: nobody', '"}; deny none; {', '192.0.2.9', 503],
    ['no text: nobody', 5, '192.0.2.9', 503],
  ])('%s', async (_, value, address, status) => {
    expect(await statusFor(value === undefined ? {} : { 'allowlist-source-range': value }, address)).toBe(status);
  });

  it('denies for what is no list, and says which', async () => {
    const { diagnostics } = await scene(stage, { 'allowlist-source-range': 'x'.repeat(65_536) });
    expect(diagnostics).toEqual(['AnnotationInvalid Ingress web metadata.annotations[allowlist-source-range]']);
  });

  it('refuses with the page of nginx, and asks no backend', async () => {
    const { ask, proxied } = await scene(stage, { 'allowlist-source-range': '192.0.2.1' });
    const { status, body } = await ask();
    expect([status, body]).toEqual([403, expect.stringContaining('<center><h1>403 Forbidden</h1></center>')]);
    expect(proxied()).toEqual([]);
  });
});

describe('whitelist-source-range', () => {
  it.each([
    ['absent, and no ConfigMap', {}, '192.0.2.1', 200],
    ['is the old name', { 'whitelist-source-range': '192.0.2.0/24' }, '198.51.100.1', 403],
    [
      'does not count beside the new one',
      { 'whitelist-source-range': '192.0.2.0/24', 'allowlist-source-range': '198.51.100.0/24' },
      '192.0.2.1',
      403,
    ],
    [
      'counts when the new one is empty',
      { 'whitelist-source-range': '192.0.2.0/24', 'allowlist-source-range': '' },
      '192.0.2.1',
      200,
    ],
    ['nonsense: nobody', { 'whitelist-source-range': '127.0.0.1 ; ' }, '192.0.2.1', 503],
  ])('%s', async (_, annotations, address, status) => {
    expect(await statusFor(annotations, address)).toBe(status);
  });

  it.each([
    ['holds without an annotation', {}, '198.51.100.1', 403],
    ['and lets its own in', {}, '192.0.2.1', 200],
    ['an annotation replaces it', { 'whitelist-source-range': '198.51.100.0/24' }, '198.51.100.1', 200],
  ])('of the ConfigMap: %s', async (_, annotations, address, status) => {
    expect(await statusFor(annotations, address, { translate: { allowedSourceRanges: ['192.0.2.0/24'] } })).toBe(status);
  });

  it('of the ConfigMap, when it is nonsense: denies the Ingresses that it holds for', async () => {
    const wrong = { translate: { allowedSourceRanges: ['10.0.0.0/8', 'all'] } };
    expect(await statusFor({}, '10.0.0.1', wrong)).toBe(503);
    expect(await statusFor({ 'whitelist-source-range': '192.0.2.0/24' }, '192.0.2.1', wrong)).toBe(200);
  });
});

describe('denylist-source-range', () => {
  it.each([
    ['absent', {}, '192.0.2.1', 200],
    ['in it', { 'denylist-source-range': '192.0.2.0/24' }, '192.0.2.1', 403],
    ['not in it', { 'denylist-source-range': '192.0.2.0/24' }, '198.51.100.1', 200],
    [
      'goes before what is allowed',
      { 'denylist-source-range': '192.0.2.0/24', 'allowlist-source-range': '192.0.2.7' },
      '192.0.2.7',
      403,
    ],
    [
      'what is neither denied nor allowed',
      { 'denylist-source-range': '10.0.0.0/8', 'allowlist-source-range': '192.0.2.7' },
      '1.1.1.1',
      403,
    ],
    ['nonsense: nobody', { 'denylist-source-range': 'evil.example' }, '192.0.2.1', 503],
    ['a list of nothing: nobody', { 'denylist-source-range': ' , ' }, '192.0.2.1', 503],
  ])('%s', async (_, annotations, address, status) => {
    expect(await statusFor(annotations, address)).toBe(status);
  });

  it.each([
    ['holds without an annotation', {}, '192.0.2.1', 403],
    ['is replaced by one', { 'denylist-source-range': '10.0.0.0/8' }, '192.0.2.1', 200],
  ])('of the ConfigMap: %s', async (_, annotations, address, status) => {
    expect(await statusFor(annotations, address, { translate: { deniedSourceRanges: ['192.0.2.0/24'] } })).toBe(status);
  });
});

describe('an address that nobody is to believe', () => {
  it('is not believed: the peer counts', async () => {
    const { ask } = await scene(stage, { 'allowlist-source-range': '192.0.2.1' });
    expect((await ask('/', 'X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n')).status).toBe(403);
  });
});

describe('§4 phase order', () => {
  it('a redirect to https goes before the list', async () => {
    const { ask } = await scene(stage, { 'allowlist-source-range': '192.0.2.1', 'force-ssl-redirect': 'true' });
    expect((await ask()).status).toBe(308);
  });
});

describe('a set of addresses', () => {
  it('finds them among thousands as a simple search does', () => {
    const ranges = Array.from({ length: 5000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/25`);
    const set = addressSet(ranges);
    const found = Array.from({ length: 5000 }, (_, i) => [
      set.has(`10.${i >> 8}.${i & 255}.127`),
      set.has(`10.${i >> 8}.${i & 255}.128`),
    ]);
    expect(found.every(([inside, outside]) => inside === true && outside === false)).toBe(true);
  });

  it.each(['', 'unix:', '1.2.3', '10.0.0.1\n'])('has no %j', (text) => {
    expect(addressSet(['0.0.0.0/0', '::/0']).has(text)).toBe(false);
  });
});
