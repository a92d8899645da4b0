/**
 * The baseline, in a process of its own because some cases end it: http-proxy on node:http, with a keep-alive agent and the
 * forwarding fields that ingress-nginx sets. Argument: the backend's port. Prints its own.
 */
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from 'http-proxy';

const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 320 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${process.argv[2]}`, agent });

function forward(upstream: http.ClientRequest, request: http.IncomingMessage): void {
  const address = request.socket.remoteAddress ?? '';
  upstream.setHeader('X-Request-ID', request.headers['x-request-id'] ?? randomBytes(16).toString('hex'));
  upstream.setHeader('X-Real-IP', address);
  upstream.setHeader('X-Forwarded-For', address);
  upstream.setHeader('X-Forwarded-Host', request.headers.host ?? '');
  upstream.setHeader('X-Forwarded-Port', String(request.socket.localPort));
  upstream.setHeader('X-Forwarded-Proto', 'http');
  upstream.setHeader('X-Forwarded-Scheme', 'http');
  upstream.setHeader('X-Scheme', 'http');
}

proxy.on('proxyReq', forward);
proxy.on('proxyReqWs', forward);
proxy.on('error', (_error, _request, response) => {
  if (!('writeHead' in response)) return void response.end();
  if (!response.headersSent) response.writeHead(502);
  response.end();
});
const server = http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
// A client that has said all it has to say still gets its answers, as from Sluice.
Object.assign(server, { httpAllowHalfOpen: true });
// It ends with whoever started it.
process.stdin.resume().on('end', () => process.exit());
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
