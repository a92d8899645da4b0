/** R30, R31, R38: what says where a request body ends. Sources: RFC 9112 §6; RFC 9110 §8.6; Http11Probe's SMUG and COMP rows. */
import { accepted, either, get, ID, post, refused, SMUGGLED, type Case } from '../support/case.ts';

const HIDDEN_BODY = `0\r\n\r\n${SMUGGLED}`;
const length = (text: string): string => `Content-Length: ${text.length}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const PREFIX = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;

/** Both fields at once, in either order and guise. */
export const BOTH: readonly Case[] = [
  refused('R30 Content-Length, then Transfer-Encoding (CL.TE)', post(length(HIDDEN_BODY) + CHUNKED, HIDDEN_BODY)),
  refused('R30 Transfer-Encoding, then Content-Length', post(CHUNKED + length(HIDDEN_BODY), HIDDEN_BODY)),
  refused('R30 a short Content-Length before chunks (TE.CL)', post(`Content-Length: 4\r\n${CHUNKED}`, PREFIX)),
  refused('R30 Content-Length: 0 before chunks', post(`Content-Length: 0\r\n${CHUNKED}`, PREFIX)),
  refused('R30 both in a GET', get(`Content-Length: 0\r\n${CHUNKED}`)),
  refused('R30 both, Transfer-Encoding in capitals', post(`${length(HIDDEN_BODY)}TRANSFER-ENCODING: CHUNKED\r\n`, HIDDEN_BODY)),
  refused('R30 both, and identity', post(`${length(HIDDEN_BODY)}Transfer-Encoding: identity\r\n`, HIDDEN_BODY)),
  refused('R30 both, with fields between', post(`${length(HIDDEN_BODY)}Accept: a\r\nX-Y: b\r\n${CHUNKED}`, HIDDEN_BODY)),
  refused(
    'R30 both, and Connection names the length',
    post(`Connection: content-length\r\n${length(HIDDEN_BODY)}${CHUNKED}`, HIDDEN_BODY),
  ),
];

const LENGTHS: readonly (readonly [string, string])[] = [
  ['the same twice', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
  ['differing', 'Content-Length: 5\r\nContent-Length: 0\r\n'],
  ['differing, the first 0', 'Content-Length: 0\r\nContent-Length: 5\r\n'],
  ['differing in case', 'Content-Length: 5\r\ncontent-length: 6\r\n'],
  ['a list of the same', 'Content-Length: 5, 5\r\n'],
  ['a list of different ones', 'Content-Length: 5, 6\r\n'],
  ['with a comma at the end', 'Content-Length: 5,\r\n'],
  ['with a comma in front', 'Content-Length: ,5\r\n'],
  ['with a plus', 'Content-Length: +5\r\n'],
  ['with a minus', 'Content-Length: -5\r\n'],
  ['-0', 'Content-Length: -0\r\n'],
  ['hexadecimal', 'Content-Length: 0x5\r\n'],
  ['hexadecimal without a prefix', 'Content-Length: a\r\n'],
  ['octal as some write it', 'Content-Length: 0o5\r\n'],
  ['binary as some write it', 'Content-Length: 0b101\r\n'],
  ['empty', 'Content-Length: \r\n'],
  ['without any value', 'Content-Length:\r\n'],
  ['only white space', 'Content-Length:   \t \r\n'],
  ['a fraction', 'Content-Length: 5.0\r\n'],
  ['with an exponent', 'Content-Length: 5e0\r\n'],
  ['with digits apart', 'Content-Length: 5 5\r\n'],
  ['with an underscore', 'Content-Length: 5_0\r\n'],
  ['in quotes', 'Content-Length: "5"\r\n'],
  ['with a semicolon', 'Content-Length: 5;a\r\n'],
  ['with letters behind', 'Content-Length: 5abc\r\n'],
  ['a word', 'Content-Length: abc\r\n'],
  ['with a vertical tab', 'Content-Length: \x0b5\r\n'],
  ['with a form feed', 'Content-Length: 5\x0c\r\n'],
  ['with a NUL', 'Content-Length: 5\x00\r\n'],
  ['with a no-break space', 'Content-Length: \xa05\r\n'],
  ['digits of another script', 'Content-Length: \xd9\xa5\r\n'],
  ['of 2^32 and a sign', 'Content-Length: +4294967301\r\n'],
  ['beyond 2^64', 'Content-Length: 18446744073709551621\r\n'],
  ['beyond any number', `Content-Length: ${'9'.repeat(400)}\r\n`],
  ['with a space before the colon', 'Content-Length : 5\r\n'],
  ['with a tab before the colon', 'Content-Length\t: 5\r\n'],
  ['folded', 'Content-Length:\r\n 5\r\n'],
  ['folded by a tab', 'Content-Length:\r\n\t5\r\n'],
  ['in a folded line of another', 'X: y\r\n Content-Length: 5\r\n'],
  ['behind a bare LF', 'X: y\nContent-Length: 5\r\n'],
  ['behind a bare CR', 'X: y\rContent-Length: 5\r\n'],
  ['ended by a bare LF', 'Content-Length: 5\n'],
  ['ended by CR CR LF', 'Content-Length: 5\r\r\n'],
];

/** One Content-Length, or several, that two servers could read differently. */
export const LENGTH_ROWS: readonly Case[] = [
  ...LENGTHS.map(([name, field]) => refused(`R30 a Content-Length ${name}`, post(field, 'abcde'))),
  accepted('R30 a Content-Length as it should be', post('Content-Length: 5\r\n', 'abcde'), { body: 'abcde' }),
  accepted('R30 a Content-Length of 0', post('Content-Length: 0\r\n'), { body: '', has: ['Content-Length: 0'] }),
  accepted('R30 a Content-Length in a GET', get('Content-Length: 5\r\n') + 'abcde', { body: 'abcde' }),
  accepted('R30 a Content-Length without a space', post('Content-Length:5\r\n', 'abcde'), { body: 'abcde' }),
  accepted('R39 a Content-Length with leading zeros is written anew', post('Content-Length: 0005\r\n', 'abcde'), {
    body: 'abcde',
    has: ['Content-Length: 5'],
  }),
  accepted('R39 a Content-Length with white space around it is written anew', post('Content-Length:\t 5 \t\r\n', 'abcde'), {
    body: 'abcde',
    has: ['Content-Length: 5'],
  }),
  accepted('R30 a body that looks like a request is a body', post(length(SMUGGLED), SMUGGLED), { body: SMUGGLED }),
  accepted('R30 a POST without a length has no body', post('')),
  accepted(
    'R32 a Content-Length that Connection names stays',
    post('Connection: content-length\r\nContent-Length: 5\r\n', 'abcde'),
    {
      body: 'abcde',
      has: ['Content-Length: 5'],
    },
  ),
];

const ENCODINGS: readonly (readonly [string, string])[] = [
  ['twice', `${CHUNKED}${CHUNKED}`],
  ['twice in a line', 'Transfer-Encoding: chunked, chunked\r\n'],
  ['chunked, identity', 'Transfer-Encoding: chunked, identity\r\n'],
  ['identity, chunked', 'Transfer-Encoding: identity, chunked\r\n'],
  ['identity', 'Transfer-Encoding: identity\r\n'],
  ['identity, then chunked', `Transfer-Encoding: identity\r\n${CHUNKED}`],
  ['chunked, then identity', `${CHUNKED}Transfer-Encoding: identity\r\n`],
  ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n'],
  ['chunked, gzip', 'Transfer-Encoding: chunked, gzip\r\n'],
  ['gzip', 'Transfer-Encoding: gzip\r\n'],
  ['cow', 'Transfer-Encoding: cow\r\n'],
  ['chunked, then cow', `${CHUNKED}Transfer-Encoding: cow\r\n`],
  ['xchunked', 'Transfer-Encoding: xchunked\r\n'],
  ['chunkedx', 'Transfer-Encoding: chunkedx\r\n'],
  ['chunk', 'Transfer-Encoding: chunk\r\n'],
  ['with a comma at the end', 'Transfer-Encoding: chunked,\r\n'],
  ['with a comma in front', 'Transfer-Encoding: ,chunked\r\n'],
  ['with a parameter', 'Transfer-Encoding: chunked;q=1\r\n'],
  ['with a semicolon', 'Transfer-Encoding: chunked;\r\n'],
  ['in quotes', 'Transfer-Encoding: "chunked"\r\n'],
  ['in single quotes', "Transfer-Encoding: 'chunked'\r\n"],
  ['empty', 'Transfer-Encoding: \r\n'],
  ['without any value', 'Transfer-Encoding:\r\n'],
  ['empty, then chunked', `Transfer-Encoding:\r\n${CHUNKED}`],
  ['with a vertical tab', 'Transfer-Encoding:\x0bchunked\r\n'],
  ['with a vertical tab behind', 'Transfer-Encoding: chunked\x0b\r\n'],
  ['with a form feed', 'Transfer-Encoding: \x0cchunked\r\n'],
  ['with a NUL', 'Transfer-Encoding: chunked\x00\r\n'],
  ['with a NUL in it', 'Transfer-Encoding: chun\x00ked\r\n'],
  ['with a no-break space', 'Transfer-Encoding: \xa0chunked\r\n'],
  ['with a bare CR in front', 'Transfer-Encoding: \rchunked\r\n'],
  ['with a bare LF in front', 'Transfer-Encoding:\nchunked\r\n'],
  ['folded', 'Transfer-Encoding:\r\n chunked\r\n'],
  ['folded by a tab', 'Transfer-Encoding:\r\n\tchunked\r\n'],
  ['in a folded line of another', 'X: y\r\n Transfer-Encoding: chunked\r\n'],
  ['behind a bare LF', 'X: y\nTransfer-Encoding: chunked\r\n'],
  ['behind a bare CR', 'X: y\rTransfer-Encoding: chunked\r\n'],
  ['with a space before the colon', 'Transfer-Encoding : chunked\r\n'],
  ['with a tab before the colon', 'Transfer-Encoding\t: chunked\r\n'],
  ['with a space in front', ' Transfer-Encoding: chunked\r\n'],
  ['with a tab in front', '\tTransfer-Encoding: chunked\r\n'],
  ['with a letter of Unicode', 'Transfer-Encoding: chun\xe2\x84\xaaed\r\n'],
  ['with a dot for the colon', 'Transfer-Encoding. chunked\r\n'],
  ['with two colons', 'Transfer-Encoding:: chunked\r\n'],
];

/** One Transfer-Encoding, or several, that two servers could read differently. */
export const ENCODING_ROWS: readonly Case[] = [
  ...ENCODINGS.map(([name, field]) => refused(`R30 Transfer-Encoding ${name} (TE.TE)`, post(field, HIDDEN_BODY))),
  accepted('R30 chunked', post(CHUNKED, '5\r\nabcde\r\n0\r\n\r\n'), { body: 'abcde', has: ['Transfer-Encoding: chunked'] }),
  accepted('R30 Chunked in capitals', post('transfer-encoding: CHUNKED\r\n', '5\r\nabcde\r\n0\r\n\r\n'), { body: 'abcde' }),
  accepted('R39 chunked after a tab is written anew', post('Transfer-Encoding:\tchunked\r\n', '5\r\nabcde\r\n0\r\n\r\n'), {
    body: 'abcde',
    has: ['Transfer-Encoding: chunked'],
  }),
  accepted('R30 chunks that hold a request are a body', post(CHUNKED, PREFIX), { body: SMUGGLED }),
  accepted('R30 chunks in a GET', `GET /${ID} HTTP/1.1\r\nHost: app.example\r\n${CHUNKED}\r\n${PREFIX}`, { body: SMUGGLED }),
  either('R30 Transfer_Encoding with an underscore', post(`Transfer_Encoding: chunked\r\n${length(HIDDEN_BODY)}`, HIDDEN_BODY)),
  either('R30 an X-Transfer-Encoding', post(`X-Transfer-Encoding: chunked\r\n${length(HIDDEN_BODY)}`, HIDDEN_BODY)),
  refused(
    'R33 chunked in HTTP/1.0 (CVE-2026-2835)',
    `POST /${ID} HTTP/1.0\r\nHost: app.example\r\n${CHUNKED}\r\n${HIDDEN_BODY}`,
  ),
  refused(
    'R33 chunked in HTTP/1.0 that asks for keep-alive',
    `POST /${ID} HTTP/1.0\r\nHost: app.example\r\nConnection: keep-alive\r\n${CHUNKED}\r\n${HIDDEN_BODY}`,
  ),
];

const many = (fields: number): string => 'X-N: v\r\n'.repeat(fields);

/** A framing field behind so many others that a parser may have stopped looking. */
export const HIDDEN_ROWS: readonly Case[] = [
  refused('R31 Content-Length behind 2000 fields (CVE-2026-58044)', post(`${many(2000)}${length(SMUGGLED)}`, SMUGGLED), 431),
  refused('R31 Transfer-Encoding behind 2000 fields', post(`${many(2000)}${CHUNKED}`, PREFIX), 431),
  either('R31 Transfer-Encoding behind the 100th field', post(`${many(99)}${CHUNKED}`, PREFIX)),
  refused('R31 both, one of them the 100th field', post(`${length(HIDDEN_BODY)}${many(97)}${CHUNKED}`, HIDDEN_BODY)),
  accepted('R31 Content-Length as the 100th field', post(`${many(98)}${length(SMUGGLED)}`, SMUGGLED), { body: SMUGGLED }),
  accepted('R31 Transfer-Encoding as the 100th field', post(`${many(98)}${CHUNKED}`, PREFIX), { body: SMUGGLED }),
];
