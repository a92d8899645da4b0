/** PROXY headers as a load balancer sends them, and as none would. */

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

/** A header of version 2. `addresses`: source, destination and ports as bytes. */
export function proxyV2(addresses: Buffer, { command = 0x21, family = 0x11, tlvs = Buffer.alloc(0) } = {}): Buffer {
  const body = Buffer.concat([addresses, tlvs]);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, body.length >> 8, body.length & 255]), body]);
}

/** From 203.0.113.7:51000 to 198.51.100.1:`port`. */
export function ipv4Addresses(port = 80): Buffer {
  return Buffer.from([203, 0, 113, 7, 198, 51, 100, 1, 51_000 >> 8, 51_000 & 255, port >> 8, port & 255]);
}

/** From 2001:db8::7, port 51000, to 2001:db8::1, port 80. */
export function ipv6Addresses(): Buffer {
  const address = (last: number): Buffer =>
    Buffer.concat([Buffer.from([0x20, 1, 0xd, 0xb8]), Buffer.alloc(11), Buffer.from([last])]);
  return Buffer.concat([address(7), address(1), Buffer.from([51_000 >> 8, 51_000 & 255, 0, 80])]);
}
