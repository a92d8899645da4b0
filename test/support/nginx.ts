/** Debian's nginx, to compare us with. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { accepts, freePort } from './ports.ts';

/** A running nginx. */
export interface Nginx {
  readonly port: number;
  readonly close: () => Promise<void>;
}

function wholeConfig(folder: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `worker_processes 1;
error_log ${folder}/error.log error;
pid ${folder}/pid;
events { worker_connections 256; }
http { access_log off; ${temporary.join(' ')} include /etc/nginx/mime.types; default_type text/html; ${http} }
`;
}

/** Starts nginx with what is within `http { }`; `$PORT` stands for a free port. */
export async function startNginx(http: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), wholeConfig(folder, http.replaceAll('$PORT', String(port))));
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit');
  const failed = ended.then(() => Promise.reject(new Error(`nginx ended: ${said}`)));
  failed.catch(() => undefined);
  await Promise.race([failed, eventually(() => accepts(port))]);
  return {
    port,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Why nginx refuses this within `http { }`; null: it does not. */
export async function nginxRefuses(http: string): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  writeFileSync(join(folder, 'nginx.conf'), wholeConfig(folder, http.replaceAll('$PORT', '1')));
  try {
    return await new Promise((resolve) => {
      execFile('nginx', ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf')], (error, _out, text) => {
        resolve(error === null ? null : text);
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
