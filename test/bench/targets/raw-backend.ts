/**
 * The backend where nginx is not installed: answers by path, looking for the end of a request's head and body only. Cheaper
 * than any proxy, which is all that is asked of it.
 */
import { createServer } from 'node:net';
import { BODY_LENGTHS, responseBody } from '../scenarios.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n';

function answerTo(path: string): Buffer {
  const body = responseBody(path);
  if (path !== '/chunked') return Buffer.from(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`);
  return Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
}

const OTHER = answerTo('/');
const ANSWERS = new Map(Object.keys(BODY_LENGTHS).map((path) => [path, answerTo(path)]));

/** Where the request that begins the text ends; -1: not yet. The chunked bodies of the benchmark hold no empty line. */
function endOf(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return -1;
  const head = text.slice(0, end);
  if (/\r\ntransfer-encoding:/i.test(head)) {
    const last = text.indexOf('0\r\n\r\n', end + 4);
    return last < 0 ? -1 : last + 5;
  }
  const whole = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  return text.length < whole ? -1 : whole;
}

createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1');
    for (let end = endOf(pending); end >= 0; end = endOf(pending)) {
      socket.write(ANSWERS.get(pending.split(' ', 2)[1] ?? '') ?? OTHER);
      pending = pending.slice(end);
    }
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
