import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import { BENCH_HOST, ECDSA_HOST, POLICIES_HOST, routeHosts, WEBSOCKET_HOST } from '../scenarios.ts';
import type { CertificateFiles, Target, TargetSetup } from './target.ts';

const FRAME = `worker_processes 1;
daemon off;
pid nginx-NAME.pid;
error_log stderr error;
events { worker_connections 16384; multi_accept on; }
http {
  server_tokens off;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  server_names_hash_max_size 4096;
  client_body_temp_path body-NAME; proxy_temp_path proxy-NAME; fastcgi_temp_path fastcgi-NAME;
  uwsgi_temp_path uwsgi-NAME; scgi_temp_path scgi-NAME;
  BODY
}
`;

/** Fills the frame: everything nginx writes stays in the directory it is started in. */
export function nginxConfiguration(name: string, body: string): string {
  return FRAME.replaceAll('NAME', name).replace('BODY', () => body);
}

// Unbuffered, as ingress-nginx has it.
const ACCESS_LOG = `
  log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';
  access_log /dev/stdout upstreaminfo;`;

const BACKLOG = ' backlog=4096';

const PROXY = `
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Request-ID $req_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Scheme $scheme;
  proxy_set_header X-Scheme $scheme;
  proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
  proxy_set_header Proxy "";
  proxy_connect_timeout 5s;
  proxy_send_timeout 60s;
  proxy_read_timeout 60s;
  proxy_buffering off;
  proxy_buffer_size 4k;
  proxy_buffers 4 4k;
  proxy_request_buffering on;
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_redirect off;`;

/** What `POLICIES` is in nginx's own words, without the Lua that ingress-nginx has for the last three of them. */
const POLICIES_MAPS = (backendPort: number): string => `
  map $http_origin $cors_origin { default ''; ~^https://shop\\.example\\.com$ $http_origin; }
  map $cors_origin $cors_credentials { default true; '' ''; }
  map $cors_origin $cors_methods { default 'GET, PUT, POST, DELETE, PATCH, OPTIONS'; '' ''; }
  map $cors_origin $cors_headers { default 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization'; '' ''; }
  map $cors_origin $cors_age { default 1728000; '' ''; }
  limit_req_zone $binary_remote_addr zone=policies:5m rate=1000000r/s;
  split_clients "$remote_addr$connection$connection_requests" $by_weight { 20% canary; * sticky; }
  map $http_x_canary $by_header { default $by_weight; always canary; never sticky; }
  upstream sticky { hash $cookie_route consistent; server 127.0.0.1:${backendPort}; keepalive 320; keepalive_requests 100000000; }
  upstream canary { hash $cookie_route consistent; server 127.0.0.1:${backendPort}; keepalive 320; keepalive_requests 100000000; }`;
const POLICIES_LOCATION = `location ~* "^/api(/|$)(.*)" {
      if ($scheme = http) { return 308 https://$host$request_uri; }
      if ($request_method = OPTIONS) { return 204; }
      limit_req zone=policies burst=5000000 nodelay;
      allow 10.0.0.0/8; allow 127.0.0.0/8; allow 192.168.0.0/16; deny all;
      client_max_body_size 8m;
      proxy_connect_timeout 10s; proxy_send_timeout 120s; proxy_read_timeout 120s;
      add_header Access-Control-Allow-Origin $cors_origin always;
      add_header Access-Control-Allow-Credentials $cors_credentials always;
      add_header Access-Control-Allow-Methods $cors_methods always;
      add_header Access-Control-Allow-Headers $cors_headers always;
      add_header Access-Control-Max-Age $cors_age always;
      proxy_hide_header Access-Control-Allow-Origin;
      add_header X-Frame-Options DENY always;
      add_header X-Content-Type-Options nosniff always;
      rewrite "(?i)/api(/|$)(.*)" /$2 break;
      proxy_pass http://$by_header;
    }`;

/** The configuration that ingress-nginx generates, without Lua (rootfs/etc/nginx/template/nginx.tmpl). */
export function proxyConfiguration(setup: TargetSetup): string {
  const { httpPort, httpsPort } = setup;
  const variables =
    setup.accessLog === null ? '' : 'set $proxy_upstream_name bench-backend-80; set $proxy_alternative_upstream_name "";';
  const location = (prefix: string, upstream: string): string =>
    `location ${prefix} { ${variables} proxy_pass http://${upstream}; }`;
  // A socket's options may be said once: the first server says them.
  const certificate = (files: CertificateFiles, options = ''): string =>
    `listen 127.0.0.1:${httpsPort} ssl http2${options}; ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key};`;
  const server = (name: string, tls: string, locations: readonly string[], options = ''): string => `
  server {
    server_name ${name};
    listen 127.0.0.1:${httpPort}${options}; ${tls}
    ${locations.join('\n    ')}
  }`;
  const routes = routeHosts(setup.routes).map(({ host, prefixes }) =>
    server(
      host,
      '',
      prefixes.map((prefix) => location(prefix, 'backend')),
    ),
  );
  return nginxConfiguration(
    `proxy-${httpPort}`,
    `${setup.accessLog === null ? 'access_log off;' : ACCESS_LOG}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  map $http_x_request_id $req_id { default $http_x_request_id; '' $request_id; }
  upstream backend {
    server 127.0.0.1:${setup.backendPort};
    keepalive 320;
    keepalive_timeout 60s;
    keepalive_requests 100000000;
  }
  upstream websocket { server 127.0.0.1:${setup.webSocketPort}; }${POLICIES_MAPS(setup.backendPort)}
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:SSL:10m;
  ssl_session_timeout 10m;
  ssl_session_tickets off;
  client_max_body_size 1m;
  client_body_buffer_size 8k;${PROXY}
  ${[
    server(BENCH_HOST, certificate(setup.rsa, BACKLOG), [location('/', 'backend')], BACKLOG),
    server(ECDSA_HOST, certificate(setup.ecdsa), [location('/', 'backend')]),
    server(WEBSOCKET_HOST, '', [location('/', 'websocket')]),
    server(POLICIES_HOST, certificate(setup.rsa), [POLICIES_LOCATION]),
    ...routes,
  ].join('')}`,
  );
}

/** Debian's nginx, set up as ingress-nginx sets it up. */
export const NGINX: Target = {
  name: 'nginx',
  program: { name: 'nginx', debianPackage: 'nginx-light' },
  version: ['nginx', '-v'],
  beside: false,
  logs: true,
  routes: true,
  policies: true,
  http2: true,
  start: (setup) => {
    const { directory } = setup.processes;
    const file = join(directory, `nginx-${setup.httpPort}.conf`);
    writeFileSync(file, proxyConfiguration(setup));
    const command = ['nginx', '-p', directory, '-c', file];
    return setup.processes.start('nginx', PROXY_CORE, command, [setup.httpPort, setup.httpsPort], { stdout: setup.accessLog });
  },
};
