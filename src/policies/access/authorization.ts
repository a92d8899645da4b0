/** The field Authorization, as nginx reads it. */

/** A name and a password, as bytes in Latin-1 and as bytes. */
export interface Credentials {
  readonly user: string;
  readonly password: Buffer;
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;

/** Of the scheme Basic (RFC 7617); null: there are none, or they cannot be read. */
export function basicCredentials(field: string): Credentials | null {
  const encoded = BASIC.exec(field)?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, 'base64');
  const colon = decoded.indexOf(0x3a);
  if (colon <= 0) return null;
  return { user: decoded.toString('latin1', 0, colon), password: decoded.subarray(colon + 1) };
}

const SCHEME = /^digest +/i;
const PARAMETER = /([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,\s*|$)/iy;

/** The parameters of the scheme Digest (RFC 7616 §3.4), by name in lower case; null: there are none, or they cannot be read. */
export function digestParameters(field: string): ReadonlyMap<string, string> | null {
  const start = SCHEME.exec(field)?.[0].length;
  if (start === undefined) return null;
  const parameters = new Map<string, string>();
  for (PARAMETER.lastIndex = start; PARAMETER.lastIndex < field.length;) {
    const match = PARAMETER.exec(field);
    if (match === null) return null;
    const name = match[1]!.toLowerCase();
    // Said twice, it could be read either way.
    if (parameters.has(name)) return null;
    parameters.set(name, match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3]!);
  }
  return parameters;
}
