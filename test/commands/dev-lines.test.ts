import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { addressLines, curlLines, shellWord } from '../../src/commands/dev-lines.ts';
import { CATCH_ALL_HOST, certificateId, type Certificate, type Route, type RoutingTable } from '../../src/model/table.ts';

function route(path: string, options: { redirect?: boolean; builtIn?: boolean } = {}): Route {
  return {
    match: { exact: null, prefix: path, slashRedirect: null },
    path,
    pathType: 'Prefix',
    target: { kind: 'answer', status: 404 },
    policies: options.redirect === true ? { sslRedirect: { code: 308, preserveTrailingSlash: false } } : {},
    ingress: options.builtIn === true ? null : { namespace: 'default', name: 'web' },
    service: null,
  };
}

const SECRET = certificateId('default', 'web');

function table(...hosts: [host: string, tls: boolean, routes: Route[]][]): RoutingTable {
  return {
    hosts: new Map(
      hosts.map(([host, tls, routes]) => [
        host,
        { host, certificate: tls ? SECRET : null, tls: null, routes, passthrough: null },
      ]),
    ),
    groups: new Map(),
    certificates: new Map(),
    streams: new Map(),
    upstreamSecrets: new Map(),
    defaultCertificate: {} as Certificate,
  };
}

const PORTS = { http: 8080, https: 8443 };

describe('curlLines', () => {
  it('is a line for each path of each host, hosts in order', () => {
    const lines = curlLines(table(['b.example', false, [route('/ws'), route('/')]], ['a.example', false, [route('/')]]), PORTS);
    expect(lines).toEqual([
      'curl --resolve a.example:8080:127.0.0.1 http://a.example:8080/',
      'curl --resolve b.example:8080:127.0.0.1 http://b.example:8080/ws',
      'curl --resolve b.example:8080:127.0.0.1 http://b.example:8080/',
    ]);
  });

  it('asks hosts with TLS over https', () => {
    const secure = 'curl -k --resolve a.example:8443:127.0.0.1 https://a.example:8443/';
    expect(curlLines(table(['a.example', true, [route('/')]]), PORTS)).toEqual([secure]);
    expect(curlLines(table(['a.example', false, [route('/', { redirect: true })]]), PORTS)).toEqual([secure]);
  });

  it('fills in a wildcard and asks the catch-all host by address, both after exact hosts', () => {
    const root = [route('/')];
    const hosts = table([CATCH_ALL_HOST, false, root], ['*.wild.example', false, root], ['z.example', false, root]);
    expect(curlLines(hosts, PORTS)).toEqual([
      'curl --resolve z.example:8080:127.0.0.1 http://z.example:8080/',
      'curl --resolve any.wild.example:8080:127.0.0.1 http://any.wild.example:8080/',
      'curl http://127.0.0.1:8080/',
    ]);
  });

  it('leaves out what no Ingress asks for, and paths it had', () => {
    const routes = [route('/a'), route('/a'), route('/', { builtIn: true })];
    expect(curlLines(table(['a.example', false, routes]), PORTS)).toHaveLength(1);
  });

  it('ends somewhere', () => {
    const routes = Array.from({ length: 100 }, (_, i) => route(`/${i}`));
    const lines = curlLines(table(['a.example', false, routes]), PORTS);
    expect(lines).toHaveLength(41);
    expect(lines.at(-1)).toBe('… and 60 more');
  });
});

describe('shellWord', () => {
  it.each(["it's", '$(id)', 'a b', '`id`', '*', '~', 'a;b', '', '"', String.raw`\x`, 'plain/a-b_c.d:1'])(
    'a shell reads %j back',
    (word) => {
      expect(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word);
    },
  );
});

describe('addressLines', () => {
  it('names each port and both ways to kubectl', () => {
    const text = addressLines({ http: 1, https: 2, admin: 3, api: 4, kubeconfig: '/a b/kubeconfig' }).join('\n');
    for (const part of ['http://127.0.0.1:1', 'https://127.0.0.1:2', 'http://127.0.0.1:3', 'http://127.0.0.1:4']) {
      expect(text).toContain(part);
    }
    expect(text).toContain("kubectl --kubeconfig '/a b/kubeconfig' get ingress");
    expect(text).toContain("npm run kubectl -- --kubeconfig '/a b/kubeconfig'");
  });
});
