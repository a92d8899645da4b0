/** R38, R39, R41: the grammar of chunked bodies and of their trailers. Sources: RFC 9112 §7.1; RFC 9110 §6.5.1; Http11Probe. */
import { accepted, chunked, either, refused, SMUGGLED, type Case } from '../support/case.ts';

const SIZES: readonly (readonly [string, string])[] = [
  ['with 0x', '0x5'],
  ['with a plus', '+5'],
  ['with a minus', '-5'],
  ['with a space in front', ' 5'],
  ['with a tab in front', '\t5'],
  ['with a space behind', '5 '],
  ['with a tab behind', '5\t'],
  ['that is empty', ''],
  ['that is only an extension', ';a=b'],
  ['that is no number', 'g'],
  ['with an underscore', '0_5'],
  ['with a comma', '5,5'],
  ['with a point', '5.0'],
  ['with a NUL', '5\x00'],
  ['beyond 2^64', '10000000000000005'],
  ['beyond 2^32 by many digits', 'fffffffffffffffff'],
];

/** What stands where a chunk should, and must be refused. */
const BROKEN: readonly (readonly [string, string])[] = [
  ...SIZES.map(([name, size]) => [`a chunk size ${name}`, `${size}\r\nabcde\r\n0\r\n\r\n`] as const),
  ['a bare LF behind the size', '5\nabcde\r\n0\r\n\r\n'],
  ['a bare CR behind the size', '5\rabcde\r\n0\r\n\r\n'],
  ['a bare LF behind the data', '5\r\nabcde\n0\r\n\r\n'],
  ['a bare CR behind the data', '5\r\nabcde\r0\r\n\r\n'],
  ['nothing behind the data', '5\r\nabcde0\r\n\r\n'],
  ['two bytes of other data behind the data (spill)', '5\r\nabcdeXX0\r\n\r\n'],
  ['data that is longer than it says', '3\r\nabcde\r\n0\r\n\r\n'],
  ['data that is shorter than it says', '7\r\nabcde\r\n0\r\n\r\n'],
  ['a bare LF behind the last size', '0\n\r\n'],
  ['a bare LF at the end', '0\r\n\n'],
  ['CR CR LF behind the size', '5\r\r\nabcde\r\n0\r\n\r\n'],
  ['an LF in an extension', '5;a\nb\r\nabcde\r\n0\r\n\r\n'],
  ['a CR in an extension', '5;a\rb\r\nabcde\r\n0\r\n\r\n'],
  ['a NUL in an extension', '5;a\x00b\r\nabcde\r\n0\r\n\r\n'],
  ['a bare LF that ends an extension, and a size of its own (TERM.EXT)', `5;\n${'a'.repeat(3)}\r\nabcde\r\n0\r\n\r\n`],
  ['a trailer without a colon', '0\r\nX\r\n\r\n'],
  ['a trailer with an empty name', '0\r\n: x\r\n\r\n'],
  ['a trailer with a space before the colon', '0\r\nX : y\r\n\r\n'],
  ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
  ['a trailer ended by a bare LF', '0\r\nX: y\n\r\n'],
  ['a bare CR in a trailer', '0\r\nX: y\rz\r\n\r\n'],
  ['a NUL in a trailer', '0\r\nX: \x00\r\n\r\n'],
];

export const CHUNK_ROWS: readonly Case[] = [
  ...BROKEN.map(([name, body]) => refused(`R38 ${name}`, chunked(body))),
  accepted('R38 a chunk size in capitals, with zeros in front', chunked('000A\r\nabcdefghij\r\n0\r\n\r\n'), {
    body: 'abcdefghij',
  }),
  either('R38 a chunk size of hundreds of digits', chunked(`${'0'.repeat(300)}5\r\nabcde\r\n0\r\n\r\n`)),
  accepted('R38 several chunks', chunked('1\r\na\r\n1\r\nb\r\n00\r\n\r\n'), { body: 'ab' }),
  accepted('R38 an empty chunked body', chunked('0\r\n\r\n'), { body: '' }),
  accepted('R39 chunk extensions end here', chunked('5;a=b;c="d"\r\nabcde\r\n0;e\r\n\r\n'), { body: 'abcde' }),
  either('R39 a chunk extension that looks like a chunk', chunked(`5;\xff0\r\nabcde\r\n0\r\n\r\n`)),
];

const FORBIDDEN = [
  'Content-Length: 50',
  'Transfer-Encoding: chunked',
  'Host: evil.example',
  'Authorization: Basic YTpi',
  'Cookie: admin=1',
  'Content-Type: text/evil',
  'Content-Encoding: gzip',
  'Connection: close',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'TE: trailers',
  'Trailer: X',
  'Proxy: http://evil.example',
  'Forwarded: for=6.6.6.6',
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-User: admin',
  'X-Real-IP: 6.6.6.6',
  'X-Original-URI: /admin',
  'X_Forwarded_Proto: https',
  'ssl-client-verify: SUCCESS',
  'Range: bytes=0-1',
];

/** Trailer fields that some backend would merge into the head. */
export const TRAILER_ROWS: readonly Case[] = [
  ...FORBIDDEN.map((line) => trailer(line)),
  accepted('R41 a trailer that may be one', chunked('5\r\nabcde\r\n0\r\nX-Checksum: 1\r\n\r\n'), { body: 'abcde' }),
  either('R41 a request behind the trailers', chunked(`0\r\nX: y\r\n\r\n`)),
  refused('R41 a request in the place of trailers', chunked(`0\r\n${SMUGGLED}`)),
  refused('R41 a request in the place of trailers, behind one', chunked(`0\r\nX: y\r\n${SMUGGLED}`)),
];

/** Refused or dropped: never passed on. */
function trailer(line: string): Case {
  const body = `5\r\nabcde\r\n0\r\n${line}\r\nX-Ok: 1\r\n\r\n`;
  const { name, bytes, check } = either(`R41 the trailer ${line.split(':', 1)[0]}`, chunked(body, 'Trailer: X-Ok\r\n'));
  return {
    name,
    bytes: bytes!,
    check: async (subject) => {
      const before = subject.backend.connections.map(({ received }) => received.length);
      await check(subject);
      const sent = subject.backend.connections.map(({ received }, index) => received.slice(before[index] ?? 0)).join('');
      const trailers = sent.slice(Math.max(0, sent.indexOf('\r\n0\r\n')));
      if (trailers.includes(`${line}\r\n`)) throw new Error(`the backend gets the trailer ${line}`);
    },
  };
}
