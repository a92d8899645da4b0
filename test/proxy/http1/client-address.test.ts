import { describe, expect, it } from 'vitest';
import { clientAddress, forwardedFor } from '../../../src/proxy/http1/client-address.ts';
import { clientInfo, HeadForwarder } from '../../../src/proxy/http1/forward-request.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { proxySettings } from '../../support/proxy.ts';
import { sentBy } from '../../support/text-sink.ts';

function headOf(fields: string): RequestHead {
  const head = new RequestHead();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`, 'latin1');
  expect(parseRequestHead(bytes, 0, bytes.length, head, proxySettings())).toBe(bytes.length);
  return head;
}

const PEER = clientInfo('10.0.0.1', 'http');
const TRUSTING = { useForwardedHeaders: true };
const address = (fields: string, changes: Partial<ProxySettings> = TRUSTING, peer = PEER): string =>
  clientAddress(headOf(fields), peer, proxySettings(changes));

describe('clientAddress', () => {
  it('is the peer unless X-Forwarded-For is believed', () => {
    const fields = 'X-Forwarded-For: 192.0.2.1\r\n';
    expect(address(fields, {})).toBe('10.0.0.1');
    expect(address(fields)).toBe('192.0.2.1');
    expect(address(fields, { enableRealIp: true })).toBe('192.0.2.1');
    expect(address(fields, { ...TRUSTING, useProxyProtocol: true })).toBe('10.0.0.1');
    expect(address('')).toBe('10.0.0.1');
  });

  it('goes back through the list as far as the speakers are trusted', () => {
    const fields = 'X-Forwarded-For: 192.0.2.66, 192.0.2.1, 10.2.0.1\r\nX-Forwarded-For: 10.1.0.1\r\n';
    expect(address(fields)).toBe('192.0.2.66');
    expect(address(fields, { ...TRUSTING, trustedProxies: ['10.0.0.0/8'] })).toBe('192.0.2.1');
    expect(address(fields, { ...TRUSTING, trustedProxies: ['10.0.0.1'] })).toBe('10.1.0.1');
    expect(address(fields, { ...TRUSTING, trustedProxies: ['172.16.0.0/12'] })).toBe('10.0.0.1');
  });

  it('ends at what is no address, and knows ports and IPv6', () => {
    expect(address('X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.2\r\n')).toBe('10.0.0.2');
    expect(address('X-Forwarded-For: nobody\r\n')).toBe('10.0.0.1');
    expect(address('X-Forwarded-For: fe80::1%25x\r\n')).toBe('10.0.0.1');
    expect(address('X-Forwarded-For: 192.0.2.1:8080\r\n')).toBe('192.0.2.1');
    expect(address('X-Forwarded-For: [2001:db8::1]:80\r\n')).toBe('2001:db8::1');
    expect(address('X-Forwarded-For: ::ffff:192.0.2.1\r\n')).toBe('192.0.2.1');
    expect(address('X-Forwarded-For: , ,\r\n')).toBe('10.0.0.1');
    // nginx's 0.0.0.0/0 has no IPv6 address in it.
    expect(address('X-Forwarded-For: 192.0.2.1\r\n', TRUSTING, clientInfo('2001:db8::1', 'http'))).toBe('2001:db8::1');
  });

  it('can be said by another field', () => {
    const named = { ...TRUSTING, forwardedForHeader: 'CF-Connecting-IP' };
    const fields = 'X-Forwarded-For: 192.0.2.1\r\ncf-connecting-ip: 192.0.2.2\r\nX-CF-Connecting-IP: 192.0.2.3\r\n';
    expect(address(fields, named)).toBe('192.0.2.2');
    expect(address('X-Forwarded-For: 192.0.2.1\r\n', named)).toBe('10.0.0.1');
    const lines = headOf('CF-Connecting-IP: a\r\nCF-Connecting-IP:\r\nCF-Connecting-IP: b\r\n');
    expect(forwardedFor(lines, proxySettings(named))).toBe('a, b');
  });
});

describe('what the upstream is told', () => {
  const told = (fields: string, changes: Partial<ProxySettings>): Record<string, string> => {
    const text = sentBy((sink) => new HeadForwarder(PEER).send(sink, headOf(fields), proxySettings(changes), '', '', null));
    return Object.fromEntries(
      text
        .split('\r\n')
        .filter((line) => line.includes(': '))
        .map((line) => line.split(': ') as [string, string]),
    );
  };
  const FIELDS =
    'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: other.example\r\nX-Forwarded-Port: 8443\r\n';

  it('enable-real-ip believes the address and nothing else', () => {
    expect(told(FIELDS, { enableRealIp: true, httpPort: 80 })).toMatchObject({
      Host: 'app.example',
      'X-Real-IP': '192.0.2.1',
      'X-Forwarded-For': '192.0.2.1',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Port': '80',
      'X-Forwarded-Host': 'app.example',
      'X-Original-Forwarded-For': '192.0.2.1',
    });
  });

  it('compute-full-forwarded-for needs use-forwarded-headers, as in ingress-nginx, and appends the peer', () => {
    expect(told(FIELDS, { computeFullForwardedFor: true })['X-Forwarded-For']).toBe('10.0.0.1');
    expect(told(FIELDS, { computeFullForwardedFor: true, enableRealIp: true })['X-Forwarded-For']).toBe('192.0.2.1');
    expect(told(FIELDS, { computeFullForwardedFor: true, ...TRUSTING })['X-Forwarded-For']).toBe('192.0.2.1, 10.0.0.1');
    expect(told('', { computeFullForwardedFor: true, ...TRUSTING })['X-Forwarded-For']).toBe('10.0.0.1');
  });

  it('the original list is that of forwarded-for-header', () => {
    const sent = told(`${FIELDS}CF-Connecting-IP: 192.0.2.9\r\n`, { ...TRUSTING, forwardedForHeader: 'CF-Connecting-IP' });
    expect(sent).toMatchObject({ 'X-Real-IP': '192.0.2.9', 'X-Original-Forwarded-For': '192.0.2.9' });
  });
});
