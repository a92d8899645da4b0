/** Who a request's client is, where proxies stand in front of us: nginx's realip module, as ingress-nginx sets it up. */
import { isIP } from 'node:net';
import type { ProxySettings } from '../../settings/settings.ts';
import { plainAddress } from '../listener/proxy-protocol.ts';
import { addressSet } from '../../policies/address-set.ts';
import type { ClientInfo } from './forward-request.ts';
import { trimOws } from './head/hop-by-hop.ts';
import type { RequestHead } from './head/request-head.ts';

type AddressSettings = Pick<
  ProxySettings,
  'useForwardedHeaders' | 'enableRealIp' | 'useProxyProtocol' | 'forwardedForHeader' | 'trustedProxies'
>;

/** The client's address: nginx's `$remote_addr`. Of the header only where it is believed, and never where PROXY protocol says it. */
export function clientAddress(head: RequestHead, client: ClientInfo, settings: AddressSettings): string {
  if (!settings.useForwardedHeaders && !settings.enableRealIp) return client.address;
  if (settings.useProxyProtocol) return client.address;
  return realAddress(client.address, forwardedFor(head, settings), settings.trustedProxies);
}

/** The value of `forwarded-for-header`; empty when absent. */
export function forwardedFor(head: RequestHead, { forwardedForHeader }: Pick<AddressSettings, 'forwardedForHeader'>): string {
  const name = forwardedForHeader.toLowerCase();
  return name === 'x-forwarded-for' ? head.forwardedFor : fieldValue(head.text, name);
}

/** Any field of a head: all its lines as one list (RFC 9110 §5.3). */
function fieldValue(text: string, lowerName: string): string {
  const values: string[] = [];
  for (let at = text.indexOf('\r\n') + 2; at > 1;) {
    const end = text.indexOf('\r\n', at);
    if (end <= at) break;
    const colon = at + lowerName.length;
    if (text[colon] === ':' && text.slice(at, colon).toLowerCase() === lowerName)
      values.push(trimOws(text.slice(colon + 1, end)));
    at = end + 2;
  }
  return values.filter((value) => value !== '').join(', ');
}

/**
 * From the peer backwards through the list: an address is believed when the one who said it is trusted. What is no address ends
 * the search (ngx_http_get_forwarded_addr_internal with `real_ip_recursive on`).
 */
function realAddress(peer: string, list: string, trusted: readonly string[]): string {
  let address = peer;
  let end = list.length;
  while (addressSet(trusted).has(address)) {
    // By hand: each character is looked at once, whatever the list is.
    while (end > 0 && separates(list.charCodeAt(end - 1))) end--;
    let from = end;
    while (from > 0 && !separates(list.charCodeAt(from - 1))) from--;
    const said = addressOf(list.slice(from, end));
    if (said === null) break;
    address = said;
    end = from;
  }
  return address;
}

/** A comma or a space. */
function separates(code: number): boolean {
  return code === 0x2c || code === 0x20;
}

/** An address, perhaps with a port: `192.0.2.1:80`, `[2001:db8::1]:80`. */
function addressOf(text: string): string | null {
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 || bare.includes('%') ? null : plainAddress(bare);
}
