/** The Connection field and what it removes (RFC 9110 §7.6.1), for requests and responses alike. */

/**
 * Fields that a Connection header cannot remove: what we set, what frames or routes the message, and credentials
 * (CVE-2024-45410 stripped X-Forwarded-* that way).
 */
const NOT_REMOVABLE =
  /^(?:host|content-length|transfer-encoding|te|authorization|cookie|set-cookie|forwarded|x-forwarded-.*|x-original-.*|x-real-ip|x-request-id|x-scheme|ssl-client-.*)$/;

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * Takes optional white space off both ends: SP and HTAB (RFC 9110 §5.6.3). `trim` would take 0xa0 too, which is data; and an
 * expression that looks for white space before the end takes seconds for 32 KiB of it in the middle.
 */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** What a Connection field says. */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Lower-case names of fields that are for this hop only. */
  readonly removed: readonly string[];
}

/** The values seen in practice, parsed once. */
const COMMON = new Map<string, ConnectionOptions>();
for (const value of ['keep-alive', 'Keep-Alive', 'close', 'upgrade', 'Upgrade', 'keep-alive, Upgrade']) {
  COMMON.set(value, parse(value));
}

/** Parses the (joined) value of Connection. */
export function connectionOptions(value: string): ConnectionOptions {
  return COMMON.get(value) ?? parse(value);
}

function parse(value: string): ConnectionOptions {
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  const removed: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const token = trimOws(part);
    if (token === 'close') close = true;
    else if (token === 'keep-alive') keepAlive = true;
    else if (token === 'upgrade') upgrade = true;
    else if (token !== '' && !NOT_REMOVABLE.test(token)) removed.push(token);
  }
  return { close, keepAlive, upgrade, removed };
}
