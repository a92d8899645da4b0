/**
 * The backend where nginx is not installed: answers every request with the same bytes, looking for the end of its head and
 * body only. Cheaper than any proxy, which is all that is asked of it.
 */
import { createServer } from 'node:net';
import { RESPONSE_BODY } from './scenarios.ts';

const port = Number(process.argv[2]);
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${RESPONSE_BODY.length}\r\nConnection: keep-alive\r\n\r\n${RESPONSE_BODY}`,
);

createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1');
    for (;;) {
      const end = pending.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, end))?.[1] ?? 0);
      if (pending.length < end + 4 + length) return;
      pending = pending.slice(end + 4 + length);
      socket.write(answer);
    }
  });
}).listen(port, '127.0.0.1');
