/** What upstreams are told about the client, and what of the client's own claims is believed. */
import { describe, expect, it } from 'vitest';
import { clientInfo, forwardedInfo, HeadForwarder } from '../../../src/proxy/http1/forward-request.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { group, host, prefixRoute, proxySettings, rawBackend, response, startProxy, table } from '../../support/proxy.ts';
import { sentBy } from '../../support/text-sink.ts';
import { exchange } from '../../support/raw-client.ts';

const CLIENT = clientInfo('::ffff:198.51.100.9', 'http', null);
const PORTS = { publicHttpPort: 80, publicHttpsPort: 443 };
const TRUSTING = { ...PORTS, useForwardedHeaders: true };

function parse(fields: string): RequestHead {
  const bytes = Buffer.from(`GET /a?b=c HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`, 'latin1');
  const head = new RequestHead();
  expect(parseRequestHead(bytes, 0, bytes.length, head, proxySettings())).toBe(bytes.length);
  return head;
}

/** The values of a field that the upstream gets. */
function sent(fields: string, changes: Partial<ProxySettings>, requestId = ''): (name: string) => string[] {
  const forwarder = new HeadForwarder(CLIENT);
  const text = sentBy((sink) => forwarder.send(sink, parse(fields), proxySettings(changes), requestId, '', null));
  const lines = text.split('\r\n').slice(1);
  return (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
}

describe('without use-forwarded-headers', () => {
  it('nothing the client says of itself is believed', () => {
    const field = sent(
      'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Scheme: https\r\nX-Scheme: https\r\n',
      PORTS,
    );
    expect(field('Host')).toEqual(['app.example']);
    expect(field('X-Real-IP')).toEqual(['198.51.100.9']);
    expect(field('X-Forwarded-For')).toEqual(['198.51.100.9']);
    expect(field('X-Forwarded-Host')).toEqual(['app.example']);
    expect(field('X-Forwarded-Port')).toEqual(['80']);
    for (const name of ['X-Forwarded-Proto', 'X-Forwarded-Scheme', 'X-Scheme']) expect(field(name)).toEqual(['http']);
    expect(field('X-Original-Forwarded-For')).toEqual(['203.0.113.7']);
    expect(field('X-Original-Forwarded-Host')).toEqual(['evil.example']);
  });

  it('compute-full-forwarded-for adds nothing of the client', () => {
    const field = sent('X-Forwarded-For: 203.0.113.7\r\n', { ...PORTS, computeFullForwardedFor: true });
    expect(field('X-Forwarded-For')).toEqual(['198.51.100.9']);
  });

  it('the X-Original fields are left out when there is nothing to say, and never come from the client', () => {
    const field = sent('X-Original-Forwarded-For: 6.6.6.6\r\nX-Original-Forwarded-Host: evil.example\r\n', PORTS);
    expect(field('X-Original-Forwarded-For')).toEqual([]);
    expect(field('X-Original-Forwarded-Host')).toEqual([]);
  });

  it('policies see the peer', () => {
    const head = parse('X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n');
    expect(forwardedInfo(head, CLIENT, proxySettings())).toEqual({
      scheme: 'http',
      clientAddress: '198.51.100.9',
      host: 'app.example',
    });
  });
});

describe('with use-forwarded-headers', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7, 10.0.0.1', '203.0.113.7'],
    [' 203.0.113.7 ,10.0.0.1', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['unknown', '198.51.100.9'],
    ['unknown, 203.0.113.7', '203.0.113.7'],
    [', 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4711', '203.0.113.7'],
    ['203.0.113.256', '198.51.100.9'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['203.0.113.7 evil', '198.51.100.9'],
  ])('X-Forwarded-For: %s makes the client %s', (value, address) => {
    const field = sent(`X-Forwarded-For: ${value}\r\n`, TRUSTING);
    expect(field('X-Real-IP')).toEqual([address]);
    expect(field('X-Forwarded-For')).toEqual([address]);
    expect(field('X-Original-Forwarded-For')).toEqual([value.trim()]);
  });

  it('compute-full-forwarded-for appends the peer, to what there is', () => {
    const full = { ...TRUSTING, computeFullForwardedFor: true };
    const field = sent('X-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n', full);
    expect(field('X-Forwarded-For')).toEqual(['203.0.113.7, 10.0.0.1, 198.51.100.9']);
    expect(field('X-Real-IP')).toEqual(['203.0.113.7']);
    expect(sent('', full)('X-Forwarded-For')).toEqual(['198.51.100.9']);
  });

  it.each([
    ['pub.example', 'pub.example'],
    ['pub.example:8443', 'pub.example:8443'],
    ['pub.example, inner.example', 'pub.example'],
    ['', 'app.example'],
    ['a b', 'app.example'],
    ['evil.example/path', 'app.example'],
    ['user@evil.example', 'app.example'],
    ['<script>', 'app.example'],
    ['pub.example:port', 'app.example'],
    [', pub.example', 'app.example'],
  ])('X-Forwarded-Host: %s makes the host %s', (value, expected) => {
    const field = sent(`X-Forwarded-Host: ${value}\r\n`, TRUSTING);
    expect(field('Host')).toEqual([expected]);
    expect(field('X-Forwarded-Host')).toEqual([expected]);
    expect(forwardedInfo(parse(`X-Forwarded-Host: ${value}\r\n`), CLIENT, proxySettings(TRUSTING)).host).toBe(expected);
  });

  it.each([
    ['https', 'https', '443'],
    ['HTTPS', 'https', '443'],
    ['http', 'http', '80'],
    ['', 'http', '80'],
    ['ftp', 'http', '80'],
    ['httpss', 'http', '80'],
    ['xhttps', 'http', '80'],
    ['https, http', 'http', '80'],
    ['javascript:', 'http', '80'],
  ])('X-Forwarded-Proto: %s makes the scheme %s', (value, scheme, port) => {
    const field = sent(`X-Forwarded-Proto: ${value}\r\n`, TRUSTING);
    for (const name of ['X-Forwarded-Proto', 'X-Forwarded-Scheme', 'X-Scheme']) expect(field(name)).toEqual([scheme]);
    expect(field('X-Forwarded-Port')).toEqual([port]);
  });

  it.each([
    ['8443', '8443'],
    ['', '80'],
    ['x', '80'],
    ['80x', '80'],
    ['x80', '80'],
    ['-1', '80'],
    ['8080, 80', '80'],
    ['123456', '80'],
  ])('X-Forwarded-Port: %s makes the port %s', (value, port) => {
    expect(sent(`X-Forwarded-Port: ${value}\r\n`, TRUSTING)('X-Forwarded-Port')).toEqual([port]);
  });
});

describe('optional fields', () => {
  it('X-Original-URI is sent when asked for, as the client wrote the target', () => {
    expect(sent('X-Original-URI: /forged\r\n', { addOriginalUriHeader: true })('X-Original-URI')).toEqual(['/a?b=c']);
    expect(sent('X-Original-URI: /forged\r\n', { addOriginalUriHeader: false })('X-Original-URI')).not.toContain('/a?b=c');
  });

  it('X-Request-ID is sent when there is one', () => {
    expect(sent('', {}, 'abc')('X-Request-ID')).toEqual(['abc']);
    expect(sent('', {}, '')('X-Request-ID')).toEqual([]);
  });

  it.each([
    [true, '', /^[0-9a-f]{32}$/],
    [true, 'X-Request-ID: mine\r\n', /^mine$/],
    [false, '', null],
    [false, 'X-Request-ID: mine\r\n', /^mine$/],
  ])('with generate-request-id %s and the field "%s" the id is %s', async (generateRequestId, field, expected) => {
    const upstream = await rawBackend(() => response('x'));
    const proxy = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', [upstream.port])]), {
      generateRequestId,
    });
    try {
      await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: app.example\r\n${field}\r\n`);
      const ids = [...upstream.received[0]!.matchAll(/^X-Request-ID: (.*)\r$/gm)].map(([, id]) => id);
      if (expected === null) expect(ids).toEqual([]);
      else expect(ids).toEqual([expect.stringMatching(expected)]);
    } finally {
      await proxy.close();
      await upstream.close();
    }
  });
});
