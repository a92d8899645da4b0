/** Which hosts the names of a certificate are valid for. */

/**
 * Whether a certificate with these names is valid for the host (lower-case): equal, or a wildcard for its first label. A wildcard
 * host needs the same wildcard. As Go's x509.VerifyHostname.
 */
export function coversHost(names: readonly string[], host: string): boolean {
  const dot = host.indexOf('.');
  const wildcard = dot > 0 && !host.startsWith('*') ? `*${host.slice(dot)}` : undefined;
  return names.some((name) => name === host || name === wildcard);
}
