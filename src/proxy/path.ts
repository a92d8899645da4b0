/**
 * The path that routes are matched on: nginx's normalisation of a request URI (ngx_http_parse_complex_uri): percent-decoded
 * once, "//" merged, dot segments resolved. What is forwarded is the path as the client wrote it.
 */

/**
 * Normalises a path that begins with "/". Returns null for one that nginx answers with 400: a broken escape, a NUL, or a
 * "..", that leads above the root.
 */
export function normalisePath(raw: string): string | null {
  const decoded = raw.includes('%') ? percentDecode(raw) : raw;
  if (decoded === null) return null;
  const out: string[] = [];
  let trailingSlash = false;
  for (const segment of decoded.slice(1).split('/')) {
    trailingSlash = segment === '' || segment === '.' || segment === '..';
    if (segment === '..') {
      if (out.pop() === undefined) return null;
    } else if (!trailingSlash) out.push(segment);
  }
  return trailingSlash && out.length > 0 ? `/${out.join('/')}/` : `/${out.join('/')}`;
}

/** Bytes stay bytes (Latin-1): route paths are compared as UTF-8 bytes in the same form. */
function percentDecode(raw: string): string | null {
  let broken = false;
  const decoded = raw.replace(/%(..?)?/gs, (_, digits: string | undefined) => {
    if (digits === undefined || !/^[0-9A-Fa-f]{2}$/.test(digits) || digits === '00') {
      broken = true;
      return '';
    }
    return String.fromCharCode(Number.parseInt(digits, 16));
  });
  return broken ? null : decoded;
}

/** A route's path in the form of normalised request paths: the UTF-8 bytes of the text, one per character. */
export function pathBytes(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}
