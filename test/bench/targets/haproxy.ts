import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import { BENCH_HOST, ECDSA_HOST, WEBSOCKET_HOST } from '../scenarios.ts';
import type { Target, TargetSetup } from './target.ts';

/** The fields of ingress-nginx's line, in its order. */
const LOG = String.raw`
  log global
  log-format "%ci - - [%trl] \"%HM %HU %HV\" %ST %B \"%[capture.req.hdr(0)]\" \"%[capture.req.hdr(1)]\" %U %Ta [%b] [] %si:%sp %B %Tr %ST %[var(txn.id)]"
  capture request header Referer len 256
  capture request header User-Agent len 256`;

function configuration(setup: TargetSetup): string {
  return `global
  nbthread 1
  maxconn 16384
  # Where fewer file descriptors are allowed than so many connections could take, it starts all the same.
  no strict-limits
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ${setup.accessLog === null ? '' : 'log stdout format raw local0'}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 75s
  option http-keep-alive
  http-reuse always
  retries 2
frontend in
  bind 127.0.0.1:${setup.httpPort}
  bind 127.0.0.1:${setup.httpsPort} ssl crt ${setup.rsa.bundle} crt ${setup.ecdsa.bundle} alpn h2,http/1.1${setup.accessLog === null ? '' : LOG}
  http-request set-var(txn.id) req.hdr(X-Request-ID)
  http-request set-var(txn.id) uuid() unless { req.hdr(X-Request-ID) -m found }
  http-request set-header X-Request-ID %[var(txn.id)] unless { req.hdr(X-Request-ID) -m found }
  http-request set-header X-Original-Forwarded-For %[req.hdr(X-Forwarded-For)] if { req.hdr(X-Forwarded-For) -m found }
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Scheme https if { ssl_fc }
  http-request set-header X-Forwarded-Scheme http unless { ssl_fc }
  http-request set-header X-Scheme https if { ssl_fc }
  http-request set-header X-Scheme http unless { ssl_fc }
  http-request del-header Proxy
  use_backend out if { hdr(Host) -i ${BENCH_HOST} ${ECDSA_HOST} }
  use_backend websocket if { hdr(Host) -i ${WEBSOCKET_HOST} }
backend out
  server one 127.0.0.1:${setup.backendPort} pool-max-conn 320 pool-purge-delay 60s
backend websocket
  server one 127.0.0.1:${setup.webSocketPort}
`;
}

/** Debian's HAProxy, one thread, with the headers that ingress-nginx sends. */
export const HAPROXY: Target = {
  name: 'haproxy',
  program: { name: 'haproxy', debianPackage: 'haproxy' },
  version: ['haproxy', '-v'],
  beside: true,
  logs: true,
  routes: false,
  policies: false,
  http2: true,
  start: (setup) => {
    const file = join(setup.processes.directory, `haproxy-${setup.httpPort}.cfg`);
    writeFileSync(file, configuration(setup));
    const command = ['haproxy', '-db', '-f', file];
    return setup.processes.start('haproxy', PROXY_CORE, command, [setup.httpPort, setup.httpsPort], {
      stdout: setup.accessLog,
    });
  },
};
