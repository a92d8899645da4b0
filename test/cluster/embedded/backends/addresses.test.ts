import { describe, expect, it } from 'vitest';
import { createPodAddresses } from '../../../../src/cluster/embedded/backends/addresses.ts';

describe('Pod addresses', () => {
  it('skips .0 and .255 and goes on in the next net', () => {
    const addresses = createPodAddresses(253);
    expect([addresses.allocate(), addresses.allocate()]).toEqual(['127.10.0.254', '127.10.1.1']);
  });

  it('never hands out an address that is held, and not at once one that was released', () => {
    const addresses = createPodAddresses(65_022);
    const first = addresses.allocate();
    const second = addresses.allocate();
    addresses.release(first);
    const rest = Array.from({ length: 65_023 }, () => addresses.allocate());
    expect([first, second, rest[0]]).toEqual(['127.10.255.253', '127.10.255.254', '127.10.0.1']);
    expect(rest.at(-1)).toBe(first);
    expect(rest).not.toContain(second);
    expect(() => addresses.allocate()).toThrow('all 65024 Pod addresses');
  });
});
