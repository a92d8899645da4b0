/** Cases of RFC 9113 §8 and of RFC 7541 as h2spec has them (summerwind/h2spec, http2/8 and hpack). */
import { block, CODE, data, type Field, FLAG, frame, headers, integer, request, TYPE } from '../../support/http2/frames.ts';
import type { ConformanceCase, Expected } from './conformance.ts';

const { protocol, compression } = CODE;
const MALFORMED: Expected = { stream: [protocol] };
const GET = request('/');

function withFields(...fields: readonly Field[]): readonly Field[] {
  return [...GET, ...fields];
}

function without(name: string): readonly Field[] {
  return GET.filter(([one]) => one !== name);
}

function message(section: string, title: string, fields: readonly Field[], expected: Expected = MALFORMED): ConformanceCase {
  return { section, title, act: (client) => client.send(headers(1, fields)), expected };
}

function body(
  section: string,
  title: string,
  fields: readonly Field[],
  parts: readonly Buffer[],
  expected: Expected,
): ConformanceCase {
  const post = [...request('/', 'POST'), ...fields];
  return { section, title, act: (client) => client.send(headers(1, post, false), ...parts), expected };
}

/** A header block of these bytes. */
function compressed(
  section: string,
  title: string,
  hex: string,
  expected: Expected = { connection: [compression] },
): ConformanceCase {
  return {
    section: `RFC 7541 ${section}`,
    title,
    act: (client) => client.send(frame(TYPE.headers, 5, 1, Buffer.from(hex, 'hex'))),
    expected,
  };
}

const HEX = block(GET).toString('hex');

export const MESSAGE_CASES: readonly ConformanceCase[] = [
  message('8.1', 'a GET', GET, { status: 200 }),
  message('8.1', 'a HEAD', request('/', 'HEAD'), { status: 200 }),
  message('8.1', 'an OPTIONS', request('/', 'OPTIONS'), { status: 200 }),
  body('8.1', 'a POST', [], [data(1, 'body', true)], { status: 200 }),
  body(
    '8.1',
    'a POST in several frames, some of them empty',
    [],
    [data(1, 'bo'), data(1, ''), data(1, 'dy'), data(1, '', true)],
    { status: 200 },
  ),
  body('8.1', 'a POST with trailers', [], [data(1, 'body'), headers(1, [['x-checksum', '1']])], { status: 200 }),
  body(
    '8.1',
    'a second HEADERS frame without END_STREAM',
    [],
    [data(1, 'body'), headers(1, [['x-checksum', '1']], false)],
    MALFORMED,
  ),
  message('8.2.1', 'a name in upper case', withFields(['X-Test', 'ok'])),
  message('8.2.1', 'a name with a space', withFields(['x test', 'ok'])),
  message('8.2.1', 'an empty name', withFields(['', 'ok'])),
  message('8.2.1', 'a name with a colon', withFields(['x:y', 'ok'])),
  message('8.2.1', 'a name with NUL', withFields(['x\0y', 'ok'])),
  message('8.2.1', 'a value with LF', withFields(['x-test', 'a\nb'])),
  message('8.2.1', 'a value with CR', withFields(['x-test', 'a\rb'])),
  message('8.2.1', 'a value with NUL', withFields(['x-test', 'a\0b'])),
  message('8.2.1', 'a value that begins with a space', withFields(['x-test', ' a'])),
  message('8.2.1', 'a value that ends with a tab', withFields(['x-test', 'a\t'])),
  message('8.2.2', 'connection', withFields(['connection', 'keep-alive'])),
  message('8.2.2', 'keep-alive', withFields(['keep-alive', 'timeout=5'])),
  message('8.2.2', 'proxy-connection', withFields(['proxy-connection', 'keep-alive'])),
  message('8.2.2', 'transfer-encoding', withFields(['transfer-encoding', 'chunked'])),
  message('8.2.2', 'upgrade', withFields(['upgrade', 'h2c'])),
  message('8.2.2', 'te other than trailers', withFields(['te', 'trailers, deflate;q=0.5'])),
  message('8.2.2', 'te: trailers', withFields(['te', 'trailers']), { status: 200 }),
  message('8.2.3', 'cookies in pieces', withFields(['cookie', 'a=1'], ['cookie', 'b=2']), { status: 200 }),
  message('8.3', 'an unknown pseudo-header field', withFields([':test', 'ok'])),
  message('8.3', 'an unknown pseudo-header field among the others', [[':test', 'ok'], ...GET]),
  message('8.3', 'a pseudo-header field of responses', [...GET, [':status', '200']]),
  message('8.3', 'a pseudo-header field after a regular one', [...without(':path'), ['x-test', 'ok'], [':path', '/']]),
  body('8.3', 'a pseudo-header field in trailers', [], [data(1, 'body'), headers(1, [[':method', 'POST']])], MALFORMED),
  message('8.3.1', 'an empty :path', [...without(':path'), [':path', '']]),
  message('8.3.1', 'no :method', without(':method')),
  message('8.3.1', 'no :scheme', without(':scheme')),
  message('8.3.1', 'no :path', without(':path')),
  message('8.3.1', ':method twice', [[':method', 'GET'], ...GET]),
  message('8.3.1', ':scheme twice', [[':scheme', 'https'], ...GET]),
  message('8.3.1', ':path twice', [[':path', '/'], ...GET]),
  message('8.3.1', ':authority twice', [[':authority', 'app.example'], ...GET]),
  message('8.3.1', 'host in place of :authority', [...without(':authority'), ['host', 'app.example']], { status: 200 }),
  message('8.3.1', 'neither :authority nor host', without(':authority')),
  body('8.1.1', 'content-length, and less', [['content-length', '5']], [data(1, 'test', true)], MALFORMED),
  body('8.1.1', 'content-length, and more', [['content-length', '1']], [data(1, 'test', true)], MALFORMED),
  body(
    '8.1.1',
    'content-length, and less in several frames',
    [['content-length', '9']],
    [data(1, 'test'), data(1, 'test', true)],
    MALFORMED,
  ),
  body(
    '8.1.1',
    'content-length, and less, with trailers',
    [['content-length', '9']],
    [data(1, 'test'), headers(1, [['x-checksum', '1']])],
    MALFORMED,
  ),
  body('8.1.1', 'content-length as the body', [['content-length', '4']], [data(1, 'test', true)], { status: 200 }),
  message('8.1.1', 'content-length and no body', withFields(['content-length', '4'])),
  message('8.1.1', 'content-length twice', withFields(['content-length', '0'], ['content-length', '0'])),
  message('8.1.1', 'a content-length that is none', withFields(['content-length', '+0'])),
  message(
    '8.5',
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'app.example:443'],
    ],
    { status: 405 },
  ),
  message('8.5', 'CONNECT with :path', [
    [':method', 'CONNECT'],
    [':path', '/'],
    [':authority', 'app.example:443'],
  ]),
  message('8.5', 'CONNECT without :authority', [[':method', 'CONNECT']]),

  compressed('2.3.3', 'an index beyond the tables', 'ffc801'),
  compressed('2.3.3', 'a name with an index beyond the tables', '7fc8010161'),
  compressed('4.2', 'a change of the table size at the end of a block', `${HEX}20`),
  // A literal named x; "0" is 00000, and EOS thirty ones.
  compressed('5.2', 'a Huffman code padded by more than seven bits', `${HEX}0001788207ff`),
  compressed('5.2', 'a Huffman code padded by zeros', `${HEX}0001788100`),
  compressed('5.2', 'a Huffman code with EOS', `${HEX}00017884ffffffff`),
  compressed('5.2', 'a Huffman code', `${HEX}0001788107`, { status: 200 }),
  compressed('6.1', 'index 0', '80'),
  compressed('6.3', 'a table larger than the setting', `${integer(4097, 5, 0x20).toString('hex')}${HEX}`),
  compressed('6.3', 'a table as large as the setting', `${integer(4096, 5, 0x20).toString('hex')}${HEX}`, { status: 200 }),
  {
    section: 'RFC 7541 2.2',
    title: 'an entry of the dynamic table used by the next request',
    // Literal with incremental indexing, then index 62.
    act: async (client) => {
      const indexed = Buffer.from(`4006${Buffer.from('x-test').toString('hex')}02${Buffer.from('ok').toString('hex')}`, 'hex');
      client.send(frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([block(GET), indexed])));
      await client.response(3);
      client.send(frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 5, Buffer.concat([block(GET), Buffer.from([0xbe])])));
      await client.response(5);
    },
    expected: 'alive',
  },
];
