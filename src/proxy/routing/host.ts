/** The host of a request: its grammar, and the form routes are looked up by. */

const REG_NAME = /^[A-Za-z0-9._-]+(?::[0-9]{0,5})?$/;
const IP_LITERAL = /^\[[0-9A-Fa-f:.]+\](?::[0-9]{0,5})?$/;

/**
 * RFC 9110 §7.2 with the characters host names really have: no comma, no user, no path, at most 255 bytes and a port. What is
 * not such a host is refused with 400.
 */
export function validHost(host: string): boolean {
  if (host.length > 261) return false;
  return REG_NAME.test(host) || IP_LITERAL.test(host);
}

/** The name without port and final dot, in lower case. */
export function hostName(host: string): string {
  const colon = host.lastIndexOf(':');
  let name = colon < 0 || host.endsWith(']') ? host : host.slice(0, colon);
  if (name.endsWith('.')) name = name.slice(0, -1);
  return name.toLowerCase();
}
