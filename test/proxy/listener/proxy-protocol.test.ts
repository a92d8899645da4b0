import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainAddress, proxyHeaderText, readProxyHeader } from '../../../src/proxy/listener/proxy-protocol.ts';
import { addressSet } from '../../../src/policies/address-set.ts';
import { ipv4Addresses, ipv6Addresses, proxyV2 } from '../../support/proxy-header.ts';

const read = (text: string) => readProxyHeader(Buffer.from(text, 'latin1'));
const SOURCE = { address: '203.0.113.7', port: 51_000 };
const DESTINATION = { address: '198.51.100.1', port: 80 };
const NOBODY = { source: null, destination: null };

const VALID: readonly (readonly [string, Buffer, object])[] = [
  ['TCP4', Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n'), { source: SOURCE, destination: DESTINATION }],
  [
    'TCP6',
    Buffer.from('PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 51000 80\r\n'),
    { source: { address: '2001:db8::7', port: 51_000 }, destination: DESTINATION },
  ],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), NOBODY],
  ['UNKNOWN with more', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), NOBODY],
  ['version 2, IPv4', proxyV2(ipv4Addresses()), { source: SOURCE, destination: DESTINATION }],
  [
    'version 2, IPv6',
    proxyV2(ipv6Addresses(), { family: 0x21 }),
    { source: { address: '2001:db8::7', port: 51_000 }, destination: { address: '2001:db8::1', port: 80 } },
  ],
  [
    'version 2 with TLVs',
    proxyV2(ipv4Addresses(), { tlvs: Buffer.alloc(1000, 4) }),
    { source: SOURCE, destination: DESTINATION },
  ],
  ['LOCAL', proxyV2(Buffer.alloc(0), { command: 0x20, family: 0 }), NOBODY],
  ['LOCAL with addresses', proxyV2(ipv4Addresses(), { command: 0x20 }), NOBODY],
  ['UNSPEC', proxyV2(Buffer.alloc(7), { family: 0 }), NOBODY],
  ['a Unix socket', proxyV2(Buffer.alloc(216, 65), { family: 0x31 }), NOBODY],
  ['datagrams', proxyV2(ipv4Addresses(), { family: 0x12 }), NOBODY],
];

describe('readProxyHeader', () => {
  it.each(VALID)('reads %s, and wants more of every part of it', (_name, bytes, expected) => {
    for (let length = 0; length < bytes.length; length++) expect(readProxyHeader(bytes.subarray(0, length))).toBe('more');
    expect(readProxyHeader(bytes)).toEqual({ length: bytes.length, ...expected });
    expect(readProxyHeader(Buffer.concat([bytes, bytes]))).toEqual({ length: bytes.length, ...expected });
  });

  it.each([
    ['a request', 'GET / HTTP/1.1\r\n'],
    ['its first byte', 'G'],
    ['a TLS hello', '\x16\x03\x01\x02\x00'],
    ['lower case', 'PROXY tcp4 203.0.113.7 198.51.100.1 1 2\r\n'],
    ['UDP4', 'PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n'],
    ['two spaces', 'PROXY TCP4  203.0.113.7 198.51.100.1 1 2\r\n'],
    ['too few fields', 'PROXY TCP4 203.0.113.7 198.51.100.1 1\r\n'],
    ['too many fields', 'PROXY TCP4 203.0.113.7 198.51.100.1 1 2 3\r\n'],
    ['another family', 'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n'],
    ['a name', 'PROXY TCP4 localhost 198.51.100.1 1 2\r\n'],
    ['an octal address', 'PROXY TCP4 203.0.113.07 198.51.100.1 1 2\r\n'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n'],
    ['a port too high', 'PROXY TCP4 203.0.113.7 198.51.100.1 65536 2\r\n'],
    ['a zero in front', 'PROXY TCP4 203.0.113.7 198.51.100.1 01 2\r\n'],
    ['a sign', 'PROXY TCP4 203.0.113.7 198.51.100.1 +1 2\r\n'],
    ['only a line feed', `PROXY TCP4 203.0.113.7 198.51.100.1 1 2\n${' '.repeat(80)}`],
    ['a line too long', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`],
  ])('refuses %s', (_name, text) => {
    expect(read(text)).toBe('invalid');
  });

  it.each([
    ['version 1 in binary', proxyV2(ipv4Addresses(), { command: 0x11 })],
    ['another command', proxyV2(ipv4Addresses(), { command: 0x22 })],
    ['another family', proxyV2(ipv4Addresses(), { family: 0x41 })],
    ['another transport', proxyV2(ipv4Addresses(), { family: 0x13 })],
    ['addresses cut short', proxyV2(ipv4Addresses().subarray(1))],
    ['IPv6 addresses cut short', proxyV2(ipv4Addresses(), { family: 0x21 })],
    ['a length beyond the bound', proxyV2(Buffer.alloc(4081), { command: 0x20 })],
    ['a wrong signature', Buffer.from('\r\n\r\n\0\r\nQUIT\r')],
  ])('refuses version 2 with %s', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toBe('invalid');
  });

  it('refuses a length beyond the bound before the bytes come', () => {
    expect(readProxyHeader(proxyV2(Buffer.alloc(65_535)).subarray(0, 16))).toBe('invalid');
  });

  it('never throws and never waits beyond its bound, whatever comes', () => {
    const start = fc.constantFrom('PROXY ', 'PROXY TCP4 ', '\r\n\r\n\0\r\nQUIT\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11', '');
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 5000 }), (prefix, bytes) => {
        const all = Buffer.concat([Buffer.from(prefix, 'latin1'), bytes]);
        if (readProxyHeader(all) === 'more') expect(all.length).toBeLessThan(4096);
      }),
      { seed: 1 },
    );
  });

  it('writes what it reads', () => {
    const source = { address: '2001:db8::7', port: 1 };
    expect(proxyHeaderText(SOURCE, DESTINATION)).toBe('PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n');
    expect(read(proxyHeaderText(source, source))).toMatchObject({ source, destination: source });
    expect(proxyHeaderText(source, DESTINATION)).toBe('PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 1 80\r\n');
    expect(proxyHeaderText({ address: '', port: 0 }, DESTINATION)).toBe('PROXY UNKNOWN\r\n');
  });
});

describe('addresses', () => {
  it('writes IPv4 addresses in IPv6 as IPv4', () => {
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(plainAddress('::FFFF:c000:201')).toBe('192.0.2.1');
    for (const other of ['::fff:1', '::ffff:1', '::ffff:1:2:3', '::ffff:0:192.0.2.1']) expect(plainAddress(other)).toBe(other);
  });

  it('are trusted by range and family', () => {
    const ranges = ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'];
    for (const address of ['10.255.0.1', '192.0.2.1', '2001:db8:1::']) expect(addressSet(ranges).has(address)).toBe(true);
    for (const address of ['11.0.0.1', '192.0.2.2', '2001:db9::', '', 'x']) expect(addressSet(ranges).has(address)).toBe(false);
    expect([addressSet(['0.0.0.0/0']).has('192.0.2.1'), addressSet(['0.0.0.0/0']).has('::1')]).toEqual([true, false]);
    expect([addressSet(['::/0']).has('192.0.2.1'), addressSet(['::/0']).has('::1')]).toEqual([false, true]);
  });
});
