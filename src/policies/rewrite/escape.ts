/** Escapes of nginx (ngx_escape_uri, ngx_unescape_uri) for texts whose characters are bytes. */

// Each is a set of bytes that are written as %XX; beyond ASCII and control characters, all are.
const URI = /[^!$&-;=@-[\]_a-z~]/g;
const ARGUMENTS = /[^!$'-*,-:=@-[\]_a-z~]/g;
const TARGET = /[^!-~]/g;

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** NGX_ESCAPE_URI: a decoded path as it is sent to a backend. */
export function escapeUri(path: string): string {
  return path.replace(URI, percent);
}

/** NGX_ESCAPE_ARGS: a piece of a path that becomes part of a query. */
export function escapeArguments(text: string): string {
  return text.replace(ARGUMENTS, percent);
}

/** What no request target can hold: spaces, control characters, what is not ASCII. */
export function escapeTarget(text: string): string {
  return text.replace(TARGET, percent);
}

/** NGX_UNESCAPE_REDIRECT: up to "?", the escapes of printable characters behind "%" are taken back. */
export function unescapeRedirect(url: string): string {
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (written, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x25 && code < 0x7f ? String.fromCharCode(code) : written;
  });
  return decoded + url.slice(path.length);
}
