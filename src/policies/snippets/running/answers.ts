/** What `return` and redirecting rewrites answer (ngx_http_send_response, ngx_http_special_response.c). */
import type { Passage } from '../../acting.ts';
import { type Answer, page, redirect } from '../../answer.ts';
import { fieldValue } from '../../changes.ts';
import { mediaType } from './media-types.ts';
import { isRedirect } from '../reading/rewriting.ts';

/** nginx writes no longer Location than its buffers take. */
const MAX_LOCATION = 16_384;

/** A redirect. A path alone is made absolute, as nginx's `absolute_redirect` does. */
export function redirectTo(status: number, location: string, passage: Passage): Answer {
  const absolute = location.startsWith('/')
    ? `${passage.variable('scheme')}://${passage.variable('host')}${location}`
    : location;
  const safe = fieldValue(absolute);
  if (safe.length > MAX_LOCATION) return page(500);
  // nginx sends none when there is nothing to say.
  return safe === '' ? page(status) : redirect(status, safe);
}

/** The answer of `return`. */
export function textAnswer(status: number, text: string | null, defaultType: string, passage: Passage): Answer {
  if (isRedirect(status)) return redirectTo(status, text ?? '', passage);
  if (text === null || text === '') {
    if (status >= 400) return page(status);
    if (status >= 300 && status !== 304) return { ...page(status), body: '' };
  }
  const contentType = mediaType(passage.rewriting.path, defaultType);
  return { status, fields: '', contentType, body: bytes(text ?? '') };
}

/** A character for each byte; what requests say is that already. */
function bytes(text: string): string {
  return /[^\0-\xff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/**
 * nginx's NGX_UNESCAPE_REDIRECT: what of a redirect was escaped and need not be is not, up to "?". Captures were escaped with too
 * much care for that.
 */
export function unescapeRedirect(text: string): string {
  const mark = /\?|%3f/i.exec(text);
  const head = mark === null ? text : text.slice(0, mark.index);
  const rest = mark === null ? '' : `?${text.slice(mark.index + mark[0].length)}`;
  const plain = head.replaceAll(/%([0-9A-Fa-f]{2})/g, (whole, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x25 && code < 0x7f ? String.fromCharCode(code) : whole;
  });
  return plain + rest;
}
