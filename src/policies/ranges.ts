/** Addresses and ranges of them, made ready to look an address up in. */
import { BlockList, isIP } from 'node:net';

export class AddressRanges {
  /** One list for each family: `::/0` would match IPv4 addresses too, and is not meant to. */
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  /** `ranges`: of `isCidr`. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      if (isIP(address) === 4) this.#ipv4.addSubnet(address, Number(prefix ?? 32), 'ipv4');
      else this.#ipv6.addSubnet(address, Number(prefix ?? 128), 'ipv6');
    }
  }

  /** `address`: without IPv6's prefix for IPv4. */
  has(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    return family === 4 ? this.#ipv4.check(address, 'ipv4') : this.#ipv6.check(address, 'ipv6');
  }
}
