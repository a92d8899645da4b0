import fc from 'fast-check';
import { BlockList, isIP } from 'node:net';
import { expect, it } from 'vitest';
import { addressSet } from '../../src/policies/address-set.ts';

const part = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(fc.constantFrom(10, 192), part, fc.constantFrom(0, 1), part).map((parts) => parts.join('.'));
const range = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`);

it('has what a BlockList of node:net has', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(range, ipv4), { maxLength: 8 }), ipv4, (ranges, address) => {
      const list = new BlockList();
      for (const one of ranges) {
        const [net = '', prefix = '32'] = one.split('/');
        list.addSubnet(net, Number(prefix), 'ipv4');
      }
      expect(addressSet(ranges).has(address)).toBe(list.check(address, 'ipv4'));
    }),
    { numRuns: 2000 },
  );
});

it('takes for an address what node:net does', () => {
  const everything = addressSet(['0.0.0.0/0']);
  const text = fc.string({ unit: fc.constantFrom(...'0123456789.:af x'.split('')), maxLength: 17 });
  fc.assert(
    fc.property(fc.oneof(text, ipv4), (address) => {
      expect(everything.has(address)).toBe(isIP(address) === 4);
    }),
    { numRuns: 2000 },
  );
  for (const address of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    '0.0.0.0',
    '255.255.255.255',
  ])
    expect([address, everything.has(address)]).toEqual([address, isIP(address) === 4]);
});

it('has ranges beside, within and behind each other', () => {
  const { has } = addressSet([
    '10.0.0.0/24',
    '10.0.0.128/25',
    '10.0.1.0/24',
    '192.0.2.7',
    '::ffff:203.0.113.0/120',
    '2001:db8::/32',
  ]);
  for (const address of ['10.0.0.0', '10.0.1.255', '192.0.2.7', '203.0.113.9', '2001:db8::1']) expect(has(address)).toBe(true);
  for (const address of ['9.255.255.255', '10.0.2.0', '192.0.2.8', '203.0.114.0', '2001:db9::1', '::', 'x'])
    expect(has(address)).toBe(false);
});
