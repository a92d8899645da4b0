/** Answers every WebSocket handshake with 101, and every message with the same message (RFC 6455), for small messages. */
import { createServer } from 'node:http';
import { acceptKey, echoFrame, frameLength } from '../load/websocket-frames.ts';

const server = createServer();
server.on('upgrade', (request, socket) => {
  let pending: Buffer = Buffer.alloc(0);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(request.headers['sec-websocket-key'] ?? '')}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (let length = frameLength(pending); length > 0; length = frameLength(pending)) {
      socket.write(echoFrame(pending.subarray(0, length)));
      pending = pending.subarray(length);
    }
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
