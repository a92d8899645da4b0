/** Streams of messages by the grammar of HTTP/1.1, valid for the most part. */
import type { Random } from '../random.ts';

const METHODS = ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'QUERY', 'M-SEARCH'];
const ODD_METHODS = ['CONNECT', 'TRACE', 'get', 'G-T', 'PRI', ''];
const TARGETS = ['/', '/a', '/a/b?c=d', '/%2e%2e/x', '//a', '/a;b=c', '/?', '/a?b?c', '/~', "/'!$&()*+,", 'http://a/x?y'];
const ODD_TARGETS = [
  '/"<>[]^`{|}',
  'http://a',
  'http://a?b',
  'https://A/',
  '*',
  'a:80',
  'http://a@b/',
  'http:///',
  '/a#b',
  '/\\a',
  '/\xe4',
];
const HOSTS = ['a', 'a', 'a', 'a:80', 'app.example', '[::1]', '[::1]:80', '1.2.3.4', 'A.b-c_d'];
const NAMES = [
  'X-A',
  'Accept',
  'Cookie',
  'x-b',
  'TE',
  'Upgrade',
  'User-Agent',
  'X-Forwarded-For',
  'X_Y',
  'X.Z',
  'Keep-Alive',
  'Proxy',
  'Trailer',
  'Range',
];
const VALUES = ['', '1', 'a b', 'text/html, */*;q=0.1', '"quoted"', '\xe4\xf6', 'a\tb', 'trailers', 'x'.repeat(70), '=;:@()'];
const CONNECTIONS = ['close', 'keep-alive', 'x-a', 'close, x-b', 'X-A,TE', 'keep-alive, cookie', '', 'upgrade'];
const ODD_ENCODINGS = [
  'chunked ',
  ' chunked',
  'gzip, chunked',
  'chunked, chunked',
  'identity',
  'xchunked',
  'chunked;a=b',
  '"chunked"',
  ',chunked',
  '',
];
const ODD_LENGTHS = ['+5', '-5', '5 ', ' 5', '05', '0x5', '5,5', '5, 5', '', '5\t', '1e1', '99999999999999999999', '\xb2'];
const OWS = ['', ' ', ' ', '  ', '\t', ' \t '];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
const ODD_VERSIONS = ['HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/01.1', 'HTTP/1.10', ''];
const STATUSES = ['200 OK', '200', '200 ', '204 No Content', '304 Not Modified', '404 \xe4', '500 Oh\tno', '205 R'];
const ODD_STATUSES = ['600 x', '099 x', '20 x', '2000 x', '101 Switching'];
const INTERIM = ['100 Continue', '103 Early', '199 x'];

function field(random: Random, name: string, value: string): string {
  return `${name}:${random.pick(OWS)}${value}${random.oneIn(6) ? random.pick(OWS) : ''}\r\n`;
}

function chunkedBody(random: Random): string {
  let text = '';
  for (let chunks = random.below(4); chunks > 0; chunks--) {
    const data = 'abcdefghijklmnopqrst\r\n0\r\n\r\n'.slice(random.below(10), 11 + random.below(17));
    const size = data.length.toString(16);
    const extension = random.oneIn(6) ? random.pick([';a', ';a=b', ';a="b;c"', ' ;a', ';']) : '';
    text += `${random.oneIn(8) ? '00' : ''}${random.oneIn(4) ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
  }
  text += random.oneIn(6) ? '000\r\n' : '0\r\n';
  if (random.oneIn(4)) text += field(random, random.pick(['X-T', 'Content-Length', 'Host']), random.pick(VALUES));
  return `${text}\r\n`;
}

/** The fields of a message and its body. `body`: one may follow. */
function fieldsAndBody(random: Random, body: boolean): [fields: string, body: string] {
  let fields = '';
  for (let count = random.below(4); count > 0; count--) fields += field(random, random.pick(NAMES), random.pick(VALUES));
  if (random.oneIn(5)) fields += field(random, 'Connection', random.pick(CONNECTIONS));
  let content = '';
  if (body) {
    content = 'hello world'.slice(0, random.below(12));
    switch (random.below(6)) {
      case 0:
        content = '';
        break;
      case 1:
      case 2:
      case 3:
        fields += field(
          random,
          random.pick(['Content-Length', 'content-length']),
          random.mostly([String(content.length)], ODD_LENGTHS),
        );
        break;
      default:
        content = chunkedBody(random);
        fields += field(
          random,
          random.pick(['Transfer-Encoding', 'transfer-encoding']),
          random.mostly(['chunked', 'Chunked'], ODD_ENCODINGS),
        );
    }
  }
  if (random.oneIn(5)) fields += field(random, random.pick(NAMES), random.pick(VALUES));
  return [fields, content];
}

/** One to three requests in a row, as Latin-1 text. */
export function requests(random: Random): string {
  let text = random.oneIn(12) ? '\r\n' : '';
  for (let count = random.oneIn(2) ? 1 : 2 + random.below(2); count > 0; count--) {
    const method = random.mostly(METHODS, ODD_METHODS);
    const [fields, body] = fieldsAndBody(random, method !== 'GET' || random.oneIn(8));
    const host = random.oneIn(40) ? '' : field(random, random.pick(['Host', 'host']), random.pick(HOSTS));
    const line = `${method} ${random.mostly(TARGETS, ODD_TARGETS)} ${random.mostly(VERSIONS, ODD_VERSIONS)}\r\n`;
    text += random.oneIn(2) ? `${line}${host}${fields}\r\n${body}` : `${line}${fields}${host}\r\n${body}`;
  }
  return text;
}

/** Interim responses and a final one, and perhaps what follows it, as Latin-1 text. */
export function responses(random: Random): string {
  let text = '';
  if (random.oneIn(4)) text += `HTTP/1.1 ${random.pick(INTERIM)}\r\n${fieldsAndBody(random, false)[0]}\r\n`;
  for (let count = random.oneIn(5) ? 2 : 1; count > 0; count--) {
    const [fields, body] = fieldsAndBody(random, true);
    text += `${random.mostly(VERSIONS, ODD_VERSIONS)} ${random.mostly(STATUSES, ODD_STATUSES)}\r\n${fields}\r\n${body}`;
  }
  return text;
}
