/** Damage to valid messages: what parsers are known to disagree about. */
import type { Random } from './random.ts';

/** Bytes and sequences that have split parsers before. */
const NASTY = [
  '\r', '\n', '\r\n', '\n\r', '\r\n\r\n', '\n\n', '\r\r\n', ' ', '\t', '\0', '\x0b', '\x0c', '\x7f', '\x80', '\xa0', '\xff', ':', ' :', ';', ',', '0',
  '1', '-', '+', '0x', '_', '"', '\\', '#', '?', '%', '/', '//', '.', 'a', 'chunked', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n', '0\r\n\r\n', ' HTTP/1.1', 'HTTP/1.0', 'Host: b\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n ', '\r\n\t',
  'Connection: close\r\n', 'Connection: content-length, transfer-encoding\r\n', '100', '18446744073709551617', 'ffffffffffffffff1',
] as const; // prettier-ignore

/** Changes `text` in one to four places; most of the time in one. */
export function mutate(text: string, random: Random): string {
  let out = text;
  for (let times = random.oneIn(3) ? 1 + random.below(4) : 1; times > 0; times--) {
    const at = random.below(out.length + 1);
    switch (random.below(7)) {
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
