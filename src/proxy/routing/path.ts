/**
 * The path that routes are matched on: nginx's normalisation of a request URI (ngx_http_parse_complex_uri): percent-decoded
 * once, "//" merged, dot segments resolved. What is forwarded is the path as the client wrote it, but never with dot segments:
 * a backend that resolves them otherwise, or not at all, would see a path that was not routed (CVE-2025-66490).
 */

/** How a request path is understood. */
export interface PathReading {
  /** What routes are matched on. */
  readonly path: string;
  /** What is forwarded in its place: without dot segments, else as written. Null: all as written. */
  readonly forwarded: string | null;
  /**
   * What a backend would see that goes further than nginx: that takes "\" for "/", cuts off parameters (";…"), decodes twice, or
   * accepts overlong UTF-8. Null: the same.
   */
  readonly eager: string | null;
}

/** What only such a backend heeds, in a path that was decoded once. */
const SUSPECT = /[%;\\\xc0\xc1\xe0\xf0]/;
const ESCAPE = /%[0-9A-Fa-f]{2}/;
const ESCAPES = /%([0-9A-Fa-f]{2})/g;
/** An escaped escape is seen in honest requests; deeper ones are not, and each costs a pass. */
const MAX_DECODED = 2;
/** ASCII in more bytes than it needs, which no valid UTF-8 has. */
const OVERLONG = /\xc0[\x80-\xbf]|\xc1[\x80-\xbf]|\xe0[\x80\x81][\x80-\xbf]|\xf0\x80[\x80\x81][\x80-\xbf]/g;

/**
 * Reads a path that begins with "/". Returns null for one that nginx answers with 400 (a broken escape, a NUL, a ".." that leads
 * above the root), and for one whose dot segments only some backends see ("..;", "%252e%252e", "..%5c").
 */
export function readPath(raw: string): PathReading | null {
  const path: string[] = [];
  const written: string[] = [];
  let trailingSlash = false;
  let dots = false;
  let eager: string[] | null = null;
  for (const part of raw.slice(1).split(/\/|%2f/i)) {
    const segment = part.includes('%') ? percentDecode(part) : part;
    if (segment === null) return null;
    trailingSlash = segment === '' || segment === '.' || segment === '..';
    if (segment === '.' || segment === '..') {
      dots = true;
      if (segment === '..' && path.pop() === undefined) return null;
      written.length = path.length;
      continue;
    }
    if (segment === '') continue;
    if (SUSPECT.test(segment)) {
      const pieces = readEagerly(segment);
      if (pieces === null) return null;
      eager ??= [];
    }
    path.push(segment);
    written.push(part);
  }
  if (eager !== null) for (const segment of path) eager.push(...(readEagerly(segment) ?? []));
  return {
    path: join(path, trailingSlash),
    forwarded: dots ? join(written, trailingSlash) : null,
    eager: eager === null ? null : join(eager, trailingSlash),
  };
}

/**
 * What an eager backend makes of a path that was decoded already, and that a policy made; the same where it would not differ. Null: it
 * has dot segments for it.
 */
export function eagerPath(path: string): string | null {
  if (!SUSPECT.test(path)) return path;
  const eager: string[] = [];
  for (const segment of path.split('/')) {
    const pieces = readEagerly(segment);
    if (pieces === null) return null;
    eager.push(...pieces);
  }
  return join(eager, path.endsWith('/'));
}

/** A target that a policy made can be sent: it has no dot segments, not even for an eager backend. */
export function isSafeTarget(target: string): boolean {
  const reading = readPath(target.split('?', 1)[0]!);
  return reading !== null && reading.forwarded === null;
}

function join(segments: readonly string[], trailingSlash: boolean): string {
  return trailingSlash && segments.length > 0 ? `/${segments.join('/')}/` : `/${segments.join('/')}`;
}

/** The segments that an eager backend makes of one; null if dot segments or a NUL are among them, or no end of escapes. */
function readEagerly(segment: string): string[] | null {
  let text = segment;
  for (let times = 0; ESCAPE.test(text); times++) {
    if (times === MAX_DECODED) return null;
    text = text.replace(ESCAPES, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  }
  text = text.replace(OVERLONG, overlong).replaceAll('\\', '/');
  if (text.includes('\0')) return null;
  const pieces = text.split('/').map((piece) => piece.split(';', 1)[0]!);
  if (pieces.includes('.') || pieces.includes('..')) return null;
  return pieces.filter((piece) => piece !== '');
}

function overlong(bytes: string): string {
  const last = bytes.charCodeAt(bytes.length - 1) & 0x3f;
  const before = bytes.length === 2 ? bytes.charCodeAt(0) & 1 : bytes.charCodeAt(bytes.length - 2) & 1;
  return String.fromCharCode((before << 6) | last);
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
