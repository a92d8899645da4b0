/**
 * Programs of the rewrite and header directives, run by nginx itself and by us: the answers, and what the backend gets, are the same.
 * The frame around each is that of ingress-nginx's template.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configMapOf, startEcho, type Echo } from '../support/echo.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { nginxRefuses, startNginx, type Nginx } from '../support/nginx.ts';
import { exchange, type RawResponse } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';
import { skippedWithout } from '../support/system-tools.ts';
import { BROKEN, PROGRAMS, type Program } from './snippet-programs.ts';

/** What of an answer must be the same. */
function compared({ status, headers, body }: RawResponse): unknown {
  const names = ['location', 'content-type', 'expires', 'cache-control', 'etag', 'last-modified'];
  const fields = [...headers].filter(([name]) => names.includes(name) || name.startsWith('x-'));
  // The clock may have gone on by a second between the two.
  const times = fields.map(([name, values]) =>
    name === 'expires'
      ? [name, values.map((value) => (/1970|2037/.test(value) ? value : Math.round(Date.parse(value) / 60_000)))]
      : [name, values],
  );
  return { status, fields: times.sort(), body: body.replaceAll(/<hr>.*?<\/center>\r\n/g, '') };
}

function hostOf(index: number): string {
  return `p${index}.example`;
}

function requestOf(text: string, host: string): string {
  const [line = '', ...fields] = text.split('\n');
  const [method, target] = line.includes(' ') ? line.split(' ') : ['GET', line];
  const lines = fields.map((field) => `${field}\r\n`).join('');
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines}\r\n`;
}

describe.skipIf(skippedWithout('nginx'))('snippets, beside nginx', () => {
  const stage = new Stage();
  let nginx: Nginx;
  let port: number;
  let echo: Echo;

  beforeAll(async () => {
    echo = stage.opened(await startEcho());
    const servers = PROGRAMS.map((program, index) => nginxServer(program, hostOf(index), echo.port));
    nginx = await startNginx(servers.join('\n'));
    const objects = PROGRAMS.flatMap((program, index) => [
      ingress(
        {
          ...(program.location !== undefined && { 'configuration-snippet': program.location }),
          ...(program.server !== undefined && { 'server-snippet': program.server }),
        },
        { name: `p${index}`, host: hostOf(index), paths: program.paths ?? ['/'] },
      ),
    ]);
    const proxy = await serve([...objects, ...service('app', [echo.port])], configMapOf({ snippets: true }));
    expect(proxy.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    stage.watched(proxy);
    ({ port } = proxy);
  });

  afterAll(async () => {
    await nginx?.close();
    await stage.close();
  });

  const cases = PROGRAMS.flatMap((program, index) =>
    program.requests.map((request) => [`${program.location ?? program.server} ← ${request}`, request, hostOf(index)] as const),
  );
  it.each(cases)('%s', async (_, request, host) => {
    const [theirs, ours] = await Promise.all([
      exchange(nginx.port, requestOf(request, host)),
      exchange(port, requestOf(request, host)),
    ]);
    expect(compared(ours)).toEqual(compared(theirs));
  });

  it.each(BROKEN)('refuses what nginx refuses: %s', async (text) => {
    const server = `server { listen 127.0.0.1:$PORT; location / { ${text} \n } }`;
    expect(await nginxRefuses(server)).not.toBe(null);
    const { diagnostics, close } = await serve([ingress({ 'configuration-snippet': text })], configMapOf({ snippets: true }));
    await close();
    expect(diagnostics.map(({ code }) => code)).toContain('SnippetInvalid');
  });
});

function nginxServer({ server = '', location = '', paths = ['/'] }: Program, host: string, backend: number): string {
  const locations = paths.map(
    (path) => `location ${path} {
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_http_version 1.1;
      ${location}
      proxy_pass http://127.0.0.1:${backend};
      proxy_redirect off;
    }`,
  );
  return `server { listen 127.0.0.1:$PORT; server_name ${host}; port_in_redirect off; root /nonexistent;
    ${server}
    ${locations.join('\n')}
  }`;
}
