/**
 * How other servers read a stream of requests: strictly, and with the leniencies that smuggling has lived on. What a proxy sends
 * to a backend must be the same requests to all of them; then no backend, whatever it is, can be talked into another reading.
 */
import { readRequests } from '../../fuzz/parsers/llhttp.ts';

/** A leniency or preference of a server. */
interface Reader {
  readonly name: string;
  /** Which framing counts when both are there. */
  readonly prefers: 'length' | 'chunked';
  /** A bare LF, or a bare CR, ends a line. */
  readonly anyLineEnd: boolean;
  /** `chunked` anywhere in the value will do; white space and control bytes around names are ignored, and "_" is "-". */
  readonly sloppyNames: boolean;
}

const READERS: readonly Reader[] = [
  { name: 'prefers Content-Length', prefers: 'length', anyLineEnd: false, sloppyNames: false },
  { name: 'prefers Transfer-Encoding, names loosely', prefers: 'chunked', anyLineEnd: false, sloppyNames: true },
  { name: 'ends lines anywhere', prefers: 'chunked', anyLineEnd: true, sloppyNames: true },
  { name: 'ends lines anywhere, prefers Content-Length', prefers: 'length', anyLineEnd: true, sloppyNames: true },
];

/** The request lines' method and target that a reader sees; "?" at the end where it is lost. */
function read(text: string, { prefers, anyLineEnd, sloppyNames }: Reader): string[] {
  const requests: string[] = [];
  const lineEnd = anyLineEnd ? /\r\n|\n|\r/g : /\r\n/g;
  let at = 0;
  const line = (): string | null => {
    lineEnd.lastIndex = at;
    const end = lineEnd.exec(text);
    if (end === null) return null;
    const taken = text.slice(at, end.index);
    at = end.index + end[0].length;
    return taken;
  };
  while (at < text.length) {
    const first = line();
    if (first === null) return [...requests, '?'];
    requests.push(first.split(' ').slice(0, 2).join(' '));
    let length = 0;
    let hasLength = false;
    let chunked = false;
    for (;;) {
      const field = line();
      if (field === null) return [...requests, '?'];
      if (field === '') break;
      const colon = field.indexOf(':');
      const written = field.slice(0, Math.max(0, colon)).toLowerCase();
      // oxlint-disable-next-line no-control-regex -- these bytes are what the reader is sloppy about
      const name = sloppyNames ? written.replace(/[\x00-\x20\x7f-\xff]/g, '').replaceAll('_', '-') : written;
      const value = field.slice(colon + 1).toLowerCase();
      if (name === 'content-length') {
        hasLength = true;
        // As parseInt and atoi do it: what follows the digits does not matter.
        length = Number.parseInt(value, 10) || 0;
      } else if (name === 'transfer-encoding') chunked ||= sloppyNames ? value.includes('chunked') : value.trim() === 'chunked';
    }
    if (chunked && !(hasLength && prefers === 'length')) {
      for (;;) {
        const size = line();
        if (size === null) return [...requests, '?'];
        const bytes = Number.parseInt(size, 16);
        if (Number.isNaN(bytes)) return [...requests, '?'];
        if (bytes === 0) break;
        at += bytes + 2;
      }
      for (let trailer = line(); trailer !== ''; trailer = line()) if (trailer === null) return [...requests, '?'];
    } else at += length;
  }
  if (at > text.length) requests.push('?');
  return requests;
}

/**
 * Reads the bytes of one connection to a backend in every way. Returns null when all agree, else who reads what. A last request
 * that was cut short is cut short to all of them.
 */
export function disagreement(received: string): string | null {
  const { messages, refused } = readRequests(Buffer.from(received, 'latin1'));
  const strict = messages.map(({ start, target }) => `${start} ${target}`);
  if (refused !== '')
    return `llhttp refuses it (${refused}) after ${strict.join(', ')}: ${JSON.stringify(received.slice(-500))}`;
  const complete = messages.every((message) => message.complete);
  const expected = complete ? strict : [...strict, '?'];
  for (const reader of READERS) {
    const other = read(received, reader);
    if (other.join('\n') !== expected.join('\n'))
      return `one that ${reader.name} reads ${other.join(', ')} instead of ${expected.join(', ')}: ${JSON.stringify(received.slice(-500))}`;
  }
  return null;
}
