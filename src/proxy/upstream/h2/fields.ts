/** Requests as HTTP/2 has them, and responses as the text of HTTP/1.1, which the one strict parser reads (RFC 9113 §8.2, §8.3). */
import { TextSink } from '../../text-sink.ts';

/** Of one connection (RFC 9113 §8.2.2), or said by a pseudo-header field. `te` is written anew. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Collects the head of a request, which is written as HTTP/1.1. */
export class HeadText extends TextSink {
  /** The fields of the request: name, value, name … `trailers`: the client takes trailer fields, which gRPC must say. */
  fields(scheme: 'http' | 'https', trailers: boolean): string[] {
    const lines = this.value.split('\r\n');
    const [method = '', target = ''] = lines[0]!.split(' ', 2);
    const list: string[] = [];
    let host = '';
    for (let i = 1; i < lines.length; i++) {
      const line = lines[i]!;
      if (line === '') continue;
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = trimmed(line, colon + 1);
      if (name === 'host') host = value;
      else if (!NOT_SENT.has(name)) list.push(name, value);
    }
    if (trailers) list.push('te', 'trailers');
    // HTTP/1.0 may have no host, and an empty one is malformed.
    const authority = host === '' ? [] : [':authority', host];
    return [':method', method, ':scheme', scheme, ...authority, ':path', target, ...list];
  }
}

/** Without the white space around it. Faster than a pattern, and 0xa0 is none. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isWhite(line.charCodeAt(start))) start++;
  while (end > start && isWhite(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Fields as lines with CRLF, without pseudo-header fields; null when one could not be a line. `raw`: name, value, name … */
export function linesOf(raw: readonly string[]): string | null {
  let lines = '';
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (name.startsWith(':')) continue;
    if (/[\r\n\0]/.test(value)) return null;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Trailer lines with CRLF as an object: several lines of one name are an array. */
export function trailerObject(lines: string): Record<string, string | string[]> {
  const object = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines.split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = trimmed(line, colon + 1);
    const before = object[name];
    object[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return object;
}
