import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { parseAllDocuments } from 'yaml';
import { Sluice } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { kubectlPath } from '../support/tools.ts';

const DEMO = new URL('../../examples/demo', import.meta.url).pathname;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly certificate: Buffer | undefined;
}

let sluice: Sluice;
let folder: string;
let kubeconfig: string;
let kubectlBinary: string;
let ports: { http: number; https: number; admin: number };

/** One request, on a connection of its own unless there is an agent. */
function get(scheme: 'http' | 'https', host: string, path = '/', agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: ports[scheme], path, agent, headers: { host } };
    const request =
      scheme === 'http' ? httpRequest(options) : httpsRequest({ ...options, servername: host, rejectUnauthorized: false });
    request.on('response', (response) => {
      const certificate = scheme === 'https' ? (response.socket as TLSSocket).getPeerCertificate().raw : undefined;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body, certificate }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

function podOf(answer: Answer): string {
  return (JSON.parse(answer.body) as { pod: string }).pod;
}

async function pods(host: string, requests: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let i = 0; i < requests; i++) {
    const answer = await get('http', host);
    if (answer.status === 200) names.add(podOf(answer));
  }
  return names;
}

async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(kubectlBinary, ['--kubeconfig', kubeconfig, ...args]);
  return stdout;
}

function printed(pattern: RegExp): string {
  const match = pattern.exec(sluice.stdout);
  if (match?.[1] === undefined) throw new Error(`${String(pattern)} is not in:\n${sluice.stdout}`);
  return match[1];
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  cpSync(DEMO, folder, { recursive: true });
  const any = ['--http-port=0', '--https-port=0', '--admin-port=0', '--api-port=0'];
  sluice = new Sluice(['dev', folder, ...any, '--workers=2', '--access-log=false']);
  kubectlBinary = await kubectlPath();
  await eventually(() => {
    if (sluice.process.exitCode !== null) throw new Error(sluice.stderr);
    return sluice.stdout.includes('Ctrl-C ends it.');
  });
  ports = {
    http: Number(printed(/^HTTP +http:\/\/127\.0\.0\.1:(\d+)/mu)),
    https: Number(printed(/^HTTPS +https:\/\/127\.0\.0\.1:(\d+)/mu)),
    admin: Number(printed(/^Admin +http:\/\/127\.0\.0\.1:(\d+)/mu)),
  };
  kubeconfig = printed(/^kubectl --kubeconfig (\S+) get ingress$/mu);
  await eventually(async () => (await get('http', 'app1.example.com')).status === 200);
});

afterAll(async () => {
  await sluice.kill();
  rmSync(folder, { recursive: true, force: true });
});

describe('the demo', () => {
  it('prints a curl line for each rule', () => {
    const lines = sluice.stdout.split('\n').filter((line) => line.startsWith('curl '));
    expect(lines).toContain(`curl --resolve app1.example.com:${ports.http}:127.0.0.1 http://app1.example.com:${ports.http}/`);
    expect(lines).toContain(
      `curl -k --resolve app2.example.com:${ports.https}:127.0.0.1 https://app2.example.com:${ports.https}/`,
    );
    expect(lines.some((line) => line.includes('any.wild.example.com'))).toBe(true);
    expect(lines.some((line) => line.endsWith('/ws'))).toBe(true);
  });

  it('is ready, and says so', async () => {
    const response = await fetch(`http://127.0.0.1:${ports.admin}/readyz`);
    expect([response.status, (await response.text()).split('\n').at(-2)]).toEqual([200, 'ready']);
  });

  it('answers from different Pods in turn', async () => {
    await eventually(async () => (await pods('app1.example.com', 12)).size === 3);
  });

  it('serves the certificate of the Secret, and redirects plain HTTP to it', async () => {
    const documents = parseAllDocuments(readFileSync(join(DEMO, 'app2.yaml'), 'utf8')).map((each) => each.toJS() as unknown);
    const secret = documents.find((each) => (each as { kind: string }).kind === 'Secret');
    const pem = (secret as { stringData: Record<string, string> }).stringData['tls.crt'] ?? '';
    const answer = await get('https', 'app2.example.com');
    expect(answer.status).toBe(200);
    expect(answer.certificate).toEqual(new X509Certificate(pem).raw);
    const redirect = await get('http', 'app2.example.com', '/path?query');
    expect(redirect.status).toBe(308);
    expect(redirect.headers.location).toMatch(/^https:\/\/app2\.example\.com(?::\d+)?\/path\?query$/u);
  });

  it('serves any host of the wildcard, and answers 404 for an unknown one', async () => {
    expect((await get('http', 'one.wild.example.com')).status).toBe(200);
    expect((await get('http', 'two.one.wild.example.com')).status).toBe(404);
    expect((await get('http', 'unknown.example.com')).status).toBe(404);
  });

  it('passes WebSockets through', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${ports.http}/ws`, { headers: { host: 'app1.example.com' } });
    const echoed = await new Promise((resolve, reject) => {
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data: Buffer) => resolve(data.toString()));
      socket.on('error', reject);
    });
    socket.terminate();
    expect(echoed).toBe('hello');
  });

  it("shows the pool's address with kubectl", async () => {
    const table = await eventually(async () => {
      const text = await kubectl('get', 'ingress');
      return text.includes('203.0.113.') && text;
    });
    expect(table).toMatch(/^app1 +nginx +app1\.example\.com +203\.0\.113\.\d+ +80 /mu);
    expect(table).toMatch(/^app2 +nginx +app2\.example\.com +203\.0\.113\.\d+ +80, 443 /mu);
  });

  it('serves what kubectl creates, and no more what it deletes', async () => {
    expect((await get('http', 'late.example.com')).status).toBe(404);
    await kubectl('create', 'ingress', 'late', '--class=nginx', '--rule=late.example.com/*=app1:http');
    await eventually(async () => (await get('http', 'late.example.com')).status === 200);
    await kubectl('delete', 'ingress', 'late');
    await eventually(async () => (await get('http', 'late.example.com')).status === 404);
  });

  it('loses no request while its Pods are replaced and taken away', async () => {
    const done = new AbortController();
    let answered = 0;
    const failures: string[] = [];
    const load = async (agent: Agent | false): Promise<void> => {
      while (!done.signal.aborted) {
        await get('http', 'app1.example.com', '/', agent).then(
          ({ status }) => (status === 200 ? (answered += 1) : failures.push(String(status))),
          (error: unknown) => failures.push(String(error)),
        );
      }
    };
    const agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })];
    const clients = [...agents, false as const, false as const].map(load);
    const before = await kubectl('get', 'pods', '-l', 'app=app1', '-o', 'name');
    await kubectl('rollout', 'restart', 'deployment', 'app1');
    await kubectl('rollout', 'status', 'deployment', 'app1', '--timeout=60s');
    await kubectl('scale', 'deployment', 'app1', '--replicas=1');
    const after = await eventually(async () => {
      const names = await kubectl('get', 'pods', '-l', 'app=app1', '-o', 'name');
      return names.trim().split('\n').length === 1 && names.trim();
    });
    done.abort();
    await Promise.all(clients);
    for (const agent of agents) agent.destroy();
    expect(before).not.toContain(after);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(100);
  });

  it('follows kubectl scale', async () => {
    await kubectl('scale', 'deployment', 'app1', '--replicas=5');
    await eventually(async () => (await pods('app1.example.com', 20)).size === 5);
    await kubectl('scale', 'deployment', 'app1', '--replicas=1');
    await eventually(async () => (await pods('app1.example.com', 10)).size === 1);
  });

  it('follows the files: new, broken and removed', async () => {
    const file = join(folder, 'more.yaml');
    const manifest = readFileSync(join(DEMO, 'wildcard.yaml'), 'utf8').split(/^---$/mu).at(-1) ?? '';
    writeFileSync(file, manifest.replace('"*.wild.example.com"', 'more.example.com').replace('name: wild\n', 'name: more\n'));
    await eventually(async () => (await get('http', 'more.example.com')).status === 200);
    writeFileSync(
      join(folder, 'broken.yaml'),
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: Bad_Name\nspec: {}\n',
    );
    await eventually(() => /broken\.yaml.*Bad_Name/u.test(sluice.stderr));
    expect((await get('http', 'more.example.com')).status).toBe(200);
    unlinkSync(file);
    await eventually(async () => (await get('http', 'more.example.com')).status === 404);
    expect((await get('http', 'app1.example.com')).status).toBe(200);
  });

  it('ends with 0 on SIGTERM and leaves nothing behind', async () => {
    expect(existsSync(kubeconfig)).toBe(true);
    sluice.signal('SIGTERM');
    expect(await sluice.exited).toBe(0);
    expect(existsSync(kubeconfig)).toBe(false);
    await expect(get('http', 'app1.example.com')).rejects.toThrow('ECONNREFUSED');
  });
});
