/** Damage to valid messages: what parsers are known to disagree about. */
import type { Random } from '../random.ts';

/** Bytes and sequences that have split parsers before. */
const NASTY = [
  '\r', '\n', '\r\n', '\n\r', '\r\n\r\n', '\n\n', '\r\r\n', ' ', '\t', '\0', '\x0b', '\x0c', '\x7f', '\x80', '\xa0', '\xff', ':', ' :', ';', ',', '0',
  '1', '-', '+', '0x', '_', '"', '\\', '#', '?', '%', '/', '//', '.', 'a', 'chunked', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n', '0\r\n\r\n', ' HTTP/1.1', 'HTTP/1.0', 'Host: b\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n ', '\r\n\t',
  'Connection: close\r\n', 'Connection: content-length, transfer-encoding\r\n', '100', '18446744073709551617', 'ffffffffffffffff1',
] as const; // prettier-ignore

/** Lines that frame or route a message: one too many is one too many. */
const FRAMING = [
  'Content-Length: 5', 'content-length:0', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity', 'Host: b', 'Connection: close',
  'Connection: content-length, transfer-encoding', ' folded', '\tfolded', 'X-A : b', ': b', 'X-A', '', 'Expect: 100-continue', 'Upgrade: h2c',
] as const; // prettier-ignore

/** Damages one line or its end. */
function mutateLine(text: string, random: Random): string {
  const lines = text.split('\r\n');
  const at = random.below(lines.length);
  switch (random.below(5)) {
    case 0:
      // A line that ends with LF alone.
      return `${lines.slice(0, at + 1).join('\r\n')}\n${lines.slice(at + 1).join('\r\n')}`;
    case 1:
      lines.splice(random.below(lines.length), 0, lines[at]!);
      break;
    case 2:
    case 3:
      lines.splice(at + 1, 0, random.pick(FRAMING));
      break;
    default:
      return text.replace(/HTTP\/1\.\d/, random.pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/0.9', 'HTTP/2.0']));
  }
  return lines.join('\r\n');
}

/** What is longer than a limit allows: a line, a head, a list of fields, the extensions of a chunk, trailers. */
const LONG = ['a', 'X: y\r\n', ' ', ';a', '\r\n', '0', 'x-a,'] as const;

/** Changes `text` in one to four places; most of the time in one. */
export function mutate(text: string, random: Random): string {
  let out = text;
  if (random.oneIn(150)) {
    const at = random.oneIn(2) ? random.below(out.length + 1) : out.indexOf('\r\n') + 2;
    return out.slice(0, at) + random.pick(LONG).repeat(80 + random.below(random.pick([60, 9000, 17_000]))) + out.slice(at);
  }
  for (let times = random.oneIn(3) ? 1 + random.below(4) : 1; times > 0; times--) {
    const at = random.below(out.length + 1);
    switch (random.below(10)) {
      case 7:
      case 8:
      case 9:
        out = mutateLine(out, random);
        break;
      case 0:
      case 1:
        out = out.slice(0, at) + random.pick(NASTY) + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + out.slice(at + 1 + random.below(3));
        break;
      case 3:
        out = out.slice(0, at) + random.pick(NASTY) + out.slice(at + 1);
        break;
      case 4: {
        const other = random.below(out.length + 1);
        out = out.slice(0, at) + out.slice(other, other + random.below(30)) + out.slice(at);
        break;
      }
      case 5:
        out = out.slice(0, at) + String.fromCharCode(random.below(256)) + out.slice(at + 1);
        break;
      default: {
        // Swaps two lines.
        const lines = out.split('\r\n');
        const a = random.below(lines.length);
        const b = random.below(lines.length);
        [lines[a], lines[b]] = [lines[b]!, lines[a]!];
        out = lines.join('\r\n');
      }
    }
  }
  return out;
}

/** Where a stream is cut into reads, ascending, the end included. */
export function cuts(length: number, random: Random): number[] {
  const at = new Set<number>([length]);
  for (let i = random.below(6); i > 0; i--) at.add(1 + random.below(length));
  return [...at].sort((a, b) => a - b);
}
