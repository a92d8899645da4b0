import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import type { Target, TargetSetup } from './target.ts';

function configuration(setup: TargetSetup): string {
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  default_bind 127.0.0.1
}
(proxy) {
  reverse_proxy 127.0.0.1:${setup.backendPort} {
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
http://bench.example.com:${setup.httpPort} {
  import proxy
}
https://bench.example.com:${setup.httpsPort}, https://localhost:${setup.httpsPort} {
  tls ${setup.certificateFile} ${setup.keyFile}
  import proxy
}
`;
}

/** Debian's Caddy: what a proxy on Go's net/http costs, as Traefik is. It sends X-Forwarded-For, -Host and -Proto by itself. */
export const CADDY: Target = {
  name: 'caddy',
  program: { name: 'caddy', debianPackage: 'caddy' },
  version: ['caddy', 'version'],
  start: (setup) => {
    const { directory } = setup.processes;
    const file = join(directory, 'Caddyfile');
    writeFileSync(file, configuration(setup));
    const command = ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'];
    // The one core it is pinned to, said outright; and nothing of its own into the user's home.
    const env = { GOMAXPROCS: '1', HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    return setup.processes.start('caddy', PROXY_CORE, command, [setup.httpPort, setup.httpsPort], env);
  },
};
