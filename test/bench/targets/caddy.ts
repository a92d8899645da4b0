import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import { BENCH_HOST, ECDSA_HOST, WEBSOCKET_HOST } from '../scenarios.ts';
import type { Target, TargetSetup } from './target.ts';

function configuration(setup: TargetSetup): string {
  const { httpPort, httpsPort, rsa, ecdsa } = setup;
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  default_bind 127.0.0.1
  # Here, and not at each site: Caddy 2.6 logs nothing of a site with a port for requests whose Host has none.
  http_port ${httpPort}
  https_port ${httpsPort}
}
(proxy) {
  ${setup.accessLog === null ? '' : 'log {\n    output stdout\n    format json\n  }'}
  reverse_proxy 127.0.0.1:{args.0} {
    header_up X-Request-ID {http.request.uuid}
    header_up X-Real-IP {remote_host}
    header_up X-Forwarded-Port {http.request.local.port}
    header_up X-Forwarded-Scheme {scheme}
    header_up X-Scheme {scheme}
    header_up -Proxy
    flush_interval -1
    transport http {
      versions 1.1
      compression off
      dial_timeout 5s
      keepalive 60s
      keepalive_idle_conns 320
      keepalive_idle_conns_per_host 320
    }
  }
}
http://${BENCH_HOST} {
  import proxy ${setup.backendPort}
}
http://${WEBSOCKET_HOST} {
  import proxy ${setup.webSocketPort}
}
https://${BENCH_HOST}, https://localhost {
  tls ${rsa.certificate} ${rsa.key}
  import proxy ${setup.backendPort}
}
https://${ECDSA_HOST} {
  tls ${ecdsa.certificate} ${ecdsa.key}
  import proxy ${setup.backendPort}
}
`;
}

/**
 * Debian's Caddy: what a proxy on Go's net/http costs, as Traefik is. It sends X-Forwarded-For, -Host and -Proto by itself.
 * Its access log is JSON.
 */
export const CADDY: Target = {
  name: 'caddy',
  program: { name: 'caddy', debianPackage: 'caddy' },
  version: ['caddy', 'version'],
  beside: true,
  logs: true,
  routes: false,
  policies: false,
  http2: true,
  start: (setup) => {
    const { directory } = setup.processes;
    const file = join(directory, `Caddyfile-${setup.httpPort}`);
    writeFileSync(file, configuration(setup));
    const command = ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'];
    // The one core it is pinned to, said outright; and nothing of its own into the user's home.
    const env = { GOMAXPROCS: '1', HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    const options = { env, stdout: setup.accessLog };
    return setup.processes.start('caddy', PROXY_CORE, command, [setup.httpPort, setup.httpsPort], options);
  },
};
