import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import type { Target, TargetSetup } from './target.ts';

function configuration(setup: TargetSetup): string {
  return `global
  nbthread 1
  maxconn 4096
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
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
  bind 127.0.0.1:${setup.httpsPort} ssl crt ${setup.bundleFile}
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
  acl bench hdr(Host) -i bench.example.com
  use_backend out if bench
backend out
  server one 127.0.0.1:${setup.backendPort} pool-max-conn 320 pool-purge-delay 60s
`;
}

/** Debian's HAProxy, one thread, with the headers that ingress-nginx sends. */
export const HAPROXY: Target = {
  name: 'haproxy',
  program: { name: 'haproxy', debianPackage: 'haproxy' },
  version: ['haproxy', '-v'],
  start: (setup) => {
    const file = join(setup.processes.directory, 'haproxy.cfg');
    writeFileSync(file, configuration(setup));
    return setup.processes.start('haproxy', PROXY_CORE, ['haproxy', '-db', '-f', file], [setup.httpPort, setup.httpsPort]);
  },
};
