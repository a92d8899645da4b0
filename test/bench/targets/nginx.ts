import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE } from '../processes.ts';
import { RESPONSE_BODY } from '../scenarios.ts';
import type { Target, TargetSetup } from './target.ts';

const FRAME = `worker_processes 1;
daemon off;
pid nginx-NAME.pid;
error_log stderr error;
events { worker_connections 4096; multi_accept on; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_body_temp_path body-NAME; proxy_temp_path proxy-NAME; fastcgi_temp_path fastcgi-NAME;
  uwsgi_temp_path uwsgi-NAME; scgi_temp_path scgi-NAME;
  BODY
}
`;

/** Fills the frame: everything nginx writes stays in the directory it is started in. */
export function nginxConfiguration(name: string, body: string): string {
  return FRAME.replaceAll('NAME', name).replace('BODY', body);
}

/** The configuration that ingress-nginx generates for one host and path, without Lua (rootfs/etc/nginx/template/nginx.tmpl). */
export function proxyConfiguration(setup: TargetSetup): string {
  return nginxConfiguration(
    'proxy',
    `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  map $http_x_request_id $req_id { default $http_x_request_id; '' $request_id; }
  upstream backend {
    server 127.0.0.1:${setup.backendPort};
    keepalive 320;
    keepalive_timeout 60s;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${setup.httpPort} backlog=4096;
    listen 127.0.0.1:${setup.httpsPort} ssl backlog=4096;
    server_name bench.example.com;
    ssl_certificate ${setup.certificateFile};
    ssl_certificate_key ${setup.keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:SSL:10m;
    ssl_session_tickets off;
    client_max_body_size 1m;
    client_body_buffer_size 8k;
    location / {
      proxy_pass http://backend;
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
      proxy_redirect off;
    }
  }`,
  );
}

/** A backend that answers every request out of memory. */
export function backendConfiguration(port: number): string {
  return nginxConfiguration(
    'backend',
    `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type text/plain; return 200 "${RESPONSE_BODY}"; }
  }`,
  );
}

/** Debian's nginx, set up as ingress-nginx sets it up. */
export const NGINX: Target = {
  name: 'nginx',
  program: { name: 'nginx', debianPackage: 'nginx-light' },
  version: ['nginx', '-v'],
  start: (setup) => {
    const { directory } = setup.processes;
    const file = join(directory, 'nginx-proxy.conf');
    writeFileSync(file, proxyConfiguration(setup));
    const command = ['nginx', '-p', directory, '-c', file];
    return setup.processes.start('nginx', PROXY_CORE, command, [setup.httpPort, setup.httpsPort]);
  },
};
