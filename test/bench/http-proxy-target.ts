/** The baseline: http-proxy on node:http with a keep-alive agent, sending the headers that ingress-nginx sends. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import httpProxy from 'http-proxy';
import { ECDSA_HOST } from './scenarios.ts';
import type { NodeTargetOptions } from './targets/node.ts';
import type { CertificateFiles } from './targets/target.ts';

const options = JSON.parse(process.argv[2] ?? '') as NodeTargetOptions;

const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 320 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${options.backendPort}`, agent });
proxy.on('proxyReq', (upstream, request) => {
  const scheme = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
  const address = request.socket.remoteAddress ?? '';
  upstream.setHeader('X-Request-ID', request.headers['x-request-id'] ?? randomBytes(16).toString('hex'));
  upstream.setHeader('X-Real-IP', address);
  upstream.setHeader('X-Forwarded-For', address);
  upstream.setHeader('X-Forwarded-Host', request.headers.host ?? '');
  upstream.setHeader('X-Forwarded-Port', String(request.socket.localPort));
  upstream.setHeader('X-Forwarded-Proto', scheme);
  upstream.setHeader('X-Forwarded-Scheme', scheme);
  upstream.setHeader('X-Scheme', scheme);
});
proxy.on('error', (error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502);
  response.end(error.message);
});

const certificate = (files: CertificateFiles): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(files.certificate),
  key: readFileSync(files.key),
});
const plain = http.createServer({ keepAliveTimeout: 75_000 });
const secure = https.createServer({ ...certificate(options.rsa), keepAliveTimeout: 75_000 });
secure.addContext(ECDSA_HOST, certificate(options.ecdsa));
for (const server of [plain, secure]) {
  server.on('request', (request, response) => proxy.web(request, response));
  server.on('upgrade', (request, socket, head) =>
    // Without the agent: its connections are for requests.
    proxy.ws(request, socket, head, { target: `ws://127.0.0.1:${options.webSocketPort}`, agent: undefined }),
  );
}
plain.listen(options.httpPort, '127.0.0.1');
secure.listen(options.httpsPort, '127.0.0.1');
