/** Origins of CORS (RFC 6454 §7) and patterns of them. No regular expression: a client chooses what is matched. */

/** As ingress-nginx's corsOriginRegex, in any case of the scheme, and with a host. */
const ORIGIN = /^(?:[a-z]+:\/\/(?:\*\.)?[a-z0-9\-.]+(?::\d+)?|null)$/i;

/** It can stand in a list of allowed origins. */
export function isOrigin(text: string): boolean {
  return ORIGIN.test(text);
}

/**
 * A test of origins as clients say them against a list in lower case. "*" is one label; all else must be equal but for its case. (In
 * ingress-nginx only the end of an origin must be as listed.)
 */
export function originMatcher(list: readonly string[]): (origin: string) => boolean {
  const exact = new Set(list.filter((one) => !one.includes('*')));
  const wild = list
    .filter((one) => one.includes('*'))
    .map((one) => {
      const star = one.indexOf('*');
      return { before: one.slice(0, star), after: one.slice(star + 1) };
    });
  return (said) => {
    if (said === '') return false;
    const origin = said.toLowerCase();
    if (exact.has(origin)) return true;
    return wild.some(
      ({ before, after }) =>
        origin.length > before.length + after.length &&
        origin.startsWith(before) &&
        origin.endsWith(after) &&
        isLabel(origin, before.length, origin.length - after.length),
    );
  };
}

function isLabel(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    const letter = code >= 0x61 && code <= 0x7a;
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && code !== 0x2d) return false;
  }
  return true;
}
