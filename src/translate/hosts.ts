/** The names of virtual hosts. */
import { isIP } from 'node:net';

import { CATCH_ALL_HOST } from '../model/table.ts';

// RFC 1123 section 2.1 as Kubernetes's IsDNS1123Subdomain has it.
const DNS_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;

/** Whether the text is a DNS name in lower case, of at most 253 characters. An IPv4 address is one too. */
export function isDnsName(text: string): boolean {
  return text.length <= 253 && DNS_NAME.test(text);
}

/** The virtual host of a rule's `host`: in lower case, the catch-all for an absent or empty one; or why it is no host. */
export function parseHost(host: string | undefined): { readonly host: string } | { readonly problem: string } {
  if (host === undefined || host === '') return { host: CATCH_ALL_HOST };
  const lower = host.toLowerCase();
  if (isIP(lower.replace(/^\[(.*)\]$/, '$1')) !== 0) return { problem: 'is an IP address, and must be a DNS name' };
  const name = lower.startsWith('*.') ? lower.slice(2) : lower;
  if (isDnsName(name)) return { host: lower };
  if (lower.includes('*')) return { problem: 'is a bad wildcard: only the whole first label may be "*"' };
  return { problem: 'is not a DNS name' };
}

/** The wildcard host that covers this host: `*.example.com` of `a.example.com`. Null for wildcards and the catch-all. */
export function wildcardOf(host: string): string | null {
  const dot = host.indexOf('.');
  return dot === -1 || host.startsWith('*.') ? null : `*${host.slice(dot)}`;
}
