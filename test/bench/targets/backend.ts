/** The backends: nginx out of memory, or a server of ours where nginx is missing; and one that echoes WebSocket messages. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { LOAD_CORE, type ProcessGroup, programPath } from '../processes.ts';
import { BODY_LENGTHS, RESPONSE_BODY, responseBody } from '../scenarios.ts';
import { nginxConfiguration } from './nginx.ts';

/** A backend that answers with bodies from files that the page cache holds, whose names are their paths. */
export function backendConfiguration(port: number, directory: string): string {
  const files = Object.keys(BODY_LENGTHS).filter((path) => path !== '/chunked');
  return nginxConfiguration(
    'backend',
    `
  access_log off;
  default_type text/plain;
  sendfile on;
  open_file_cache max=16 inactive=1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { return 200 "${RESPONSE_BODY}"; }
    # Looking for what is not there leaves the length unknown until the end.
    location = /chunked { sub_filter_types *; sub_filter "?" "!"; return 200 "${responseBody('/chunked')}"; }
    ${files.map((path) => `location = ${path} { alias ${directory}${path}; }`).join('\n    ')}
  }`,
  );
}

async function startNginx(processes: ProcessGroup, port: number): Promise<void> {
  const { directory } = processes;
  for (const path of Object.keys(BODY_LENGTHS)) writeFileSync(join(directory, path), responseBody(path));
  const file = join(directory, 'nginx-backend.conf');
  writeFileSync(file, backendConfiguration(port, directory));
  await processes.start('the backend', LOAD_CORE, ['nginx', '-p', directory, '-c', file], [port]);
}

async function startProgram(processes: ProcessGroup, name: string, port: number): Promise<void> {
  const script = new URL(name, import.meta.url).pathname;
  await processes.start(name, LOAD_CORE, [process.execPath, script, String(port)], [port]);
}

/** Starts both, on the core of the load. */
export async function startBackends(
  processes: ProcessGroup,
): Promise<{ readonly backendPort: number; readonly webSocketPort: number }> {
  const [backendPort, webSocketPort] = [await freePort(), await freePort()];
  if (programPath('nginx') === undefined) await startProgram(processes, 'raw-backend.ts', backendPort);
  else await startNginx(processes, backendPort);
  await startProgram(processes, 'echo-backend.ts', webSocketPort);
  return { backendPort, webSocketPort };
}
