/**
 * R8. A field value of nothing but separators costs an expression that looks for them before the end the square of its length:
 * 32 KiB in one request held a worker for seconds.
 * Source: CWE-1333; CVE-2022-25927 and its kin.
 */
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../../src/proxy/http1/client-address.ts';
import { clientInfo } from '../../../src/proxy/http1/forward-request.ts';
import { connectionOptions, trimOws } from '../../../src/proxy/http1/head/hop-by-hop.ts';
import type { RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import { proxySettings } from '../../support/proxy.ts';

/** So long that the square of it is not done within any test's time, and a pass over it at once. */
const MANY = 4_000_000;

describe('R8: long runs of separators are passed once', () => {
  it('in Connection, and wherever white space is taken off', () => {
    const value = `a${' '.repeat(MANY)}b`;
    expect(trimOws(`\t ${value} \t`)).toBe(value);
    expect(trimOws(' \t ')).toBe('');
    expect(trimOws('\u00a0a\u00a0')).toBe('\u00a0a\u00a0');
    expect(connectionOptions(`close ,${value}`)).toMatchObject({ close: true, removed: [value] });
  });

  it('in the list of a proxy that is trusted', () => {
    const from = (forwardedFor: string): string =>
      clientAddress({ forwardedFor } as RequestHead, clientInfo('10.0.0.1', 'http'), settings);
    const settings = proxySettings({ useForwardedHeaders: true, trustedProxies: ['10.0.0.0/8'] });
    expect(from(`192.0.2.1${', '.repeat(MANY)}${'10.0.0.3, '.repeat(1000)}10.0.0.2`)).toBe('192.0.2.1');
    expect(from(`x${' '.repeat(MANY)}`)).toBe('10.0.0.1');
  });
});
