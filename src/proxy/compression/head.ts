/** What the head of a response says of its compression, and the head as it is when the body is compressed. */
import type { ResponseHead } from '../http1/head/response-head.ts';
import { TextSink } from '../text-sink.ts';

/** The lines with CRLF that a head passes on. */
export function linesOf(head: ResponseHead): string {
  const lines = new TextSink();
  head.runs.sendTo(lines, head.bytes, head.start);
  return lines.value;
}

/**
 * What makes the body one that nobody may code anew: it is coded already, or its sender forbids it (RFC 9110 §7.7), or vouches for
 * its bytes (RFC 9530; Content-MD5 and Digest before it).
 */
const UNTOUCHABLE =
  /^(?:content-encoding:[ \t]*[^ \t\r]|cache-control:(?:[^\r]*,)?[ \t]*no-transform[ \t]*[,\r]|(?:content-digest|repr-digest|digest|content-md5):)/im;

const CONTENT_TYPE = /^content-type:[ \t]*([^;, \t\r]*)/im;

/** The media type in lower case, without parameters; null: the body must stay as it is. */
export function codableType(lines: string): string | null {
  if (UNTOUCHABLE.test(lines)) return null;
  const type = CONTENT_TYPE.exec(lines)?.[1]?.toLowerCase() ?? '';
  // Its messages carry a compression of their own, and its frames must not wait.
  return type.startsWith('application/grpc') ? null : type;
}

const FIELD = /^(vary|etag|content-length|accept-ranges):([^\r]*)\r\n/gim;
const VARIES = /^vary:(?:[^\r]*,)?[ \t]*(?:accept-encoding|\*)[ \t]*[,\r]/im;

/**
 * The lines of a response that depends on Accept-Encoding. `coding`: its body is coded so, and bytes of it are no longer what ranges
 * and a strong validator are about (RFC 9110 §8.8.3.3); null: it is sent as it came.
 */
export function variedLines(lines: string, coding: string | null): string {
  let varies = VARIES.test(lines);
  const changed = lines.replace(FIELD, (line: string, name: string, text: string) => {
    const value = trimmed(text);
    switch (name.toLowerCase()) {
      case 'vary':
        if (varies) return line;
        varies = true;
        return `${name}: ${value === '' ? '' : `${value}, `}Accept-Encoding\r\n`;
      case 'etag':
        if (coding === null || value.startsWith('W/')) return line;
        // As nginx: what is no entity-tag cannot be made a weak one.
        return value.startsWith('"') ? `${name}: W/${value}\r\n` : '';
      default:
        return coding === null ? line : '';
    }
  });
  const vary = varies ? '' : 'Vary: Accept-Encoding\r\n';
  return changed + vary + (coding === null ? '' : `Content-Encoding: ${coding}\r\n`);
}

/** Makes `to` a head like `from` with other lines. */
export function copyHead(from: ResponseHead, lines: string, contentLength: number, to: ResponseHead): void {
  const statusLine = from.bytes.toString('latin1', from.start, from.statusEnd);
  to.bytes = Buffer.from(`${statusLine}${lines}\r\n`, 'latin1');
  to.start = 0;
  to.statusEnd = statusLine.length;
  to.end = to.bytes.length;
  to.status = from.status;
  to.minor = from.minor;
  to.contentLength = contentLength;
  to.hasDate = from.hasDate;
  to.runs.clear();
  to.runs.add(to.statusEnd, to.end - 2);
}

/** Without white space at the ends. Not by a pattern: those take long for long white space. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhite(text.charCodeAt(start))) start++;
  while (end > start && isWhite(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
