/** Snippets of hosts, and those of the ConfigMap for all of them. Single directives are compared with nginx in `snippets-nginx.test.ts`. */
import { afterEach, describe, expect, it } from 'vitest';
import { Stage } from '../support/stage.ts';
import { fieldsOf, snippetSite } from '../support/snippets.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const NEXTCLOUD = `
  server_tokens off;
  proxy_hide_header X-Powered-By;
  rewrite ^/.well-known/webfinger /index.php/.well-known/webfinger last;
  location = /.well-known/carddav { return 301 $scheme://$host/remote.php/dav; }
  location = /robots.txt { allow all; log_not_found off; access_log off; return 200 "User-agent: *"; }
  location ~ ^/(?:build|tests|config|lib)/ { deny all; }
`;

describe('server-snippet', () => {
  it.each([
    ['default: none', undefined, 200, []],
    ['empty', '\n', 200, []],
    ['typical', 'if ($http_user_agent ~* "(Mobile)" ) { return 301 https://m.example.com; }', 200, []],
    ['edge: a comment', '# return 403;', 200, []],
    ['invalid', 'return 403', 503, ['SnippetInvalid server-snippet']],
    ['invalid: of another type', true, 503, ['SnippetInvalid server-snippet']],
    ['what only a location may have', 'location /x { proxy_pass http://other; }', 503, ['SnippetInvalid server-snippet']],
  ])('%s: %j', async (_, value, status, said) => {
    const site = await snippetSite(stage, [[value === undefined ? {} : { 'server-snippet': value }]]);
    expect([(await site.ask('/')).status, site.said]).toEqual([status, said]);
  });

  it('without the switches, closes the host, also for other Ingresses: it may hold rules of access', async () => {
    const site = await snippetSite(
      stage,
      [[{ 'server-snippet': 'deny all;' }], [{}, { paths: ['/b'] }], [{}, { host: 'c.example' }]],
      {
        snippets: false,
      },
    );
    expect(site.said).toEqual(['SnippetForbidden server-snippet']);
    expect([(await site.ask('/')).status, (await site.ask('/b')).status, (await site.ask('/', 'c.example')).status]).toEqual([
      503, 503, 200,
    ]);
  });

  it('holds for all Ingresses of the host, and for no other host', async () => {
    const site = await snippetSite(stage, [
      [{ 'server-snippet': 'if ($arg_a) { return 403; } add_header X-S 1;' }, { paths: ['/a'] }],
      [{}, { paths: ['/b'] }],
      [{}, { host: 'c.example' }],
    ]);
    expect([(await site.ask('/b?a=1')).status, (await site.ask('/nowhere?a=1')).status]).toEqual([403, 403]);
    expect((await site.ask('/?a=1', 'c.example')).status).toBe(200);
    expect([fieldsOf(await site.ask('/b')), fieldsOf(await site.ask('/', 'c.example'))]).toEqual([['x-s: 1'], []]);
  });

  it('of two Ingresses of a host, the older decides, and the other is told', async () => {
    const site = await snippetSite(stage, [
      [{ 'server-snippet': 'add_header X-S young;' }, { paths: ['/a'], created: '2025-02-01T00:00:00Z' }],
      [{ 'server-snippet': 'add_header X-S old;' }, { paths: ['/b'], created: '2025-01-01T00:00:00Z' }],
    ]);
    expect(fieldsOf(await site.ask('/a'))).toEqual(['x-s: old']);
    expect(site.diagnostics.map(({ code, object }) => [code, object.name])).toEqual([['AnnotationConflict', 'web']]);
  });

  it('gives variables to the snippets of locations', async () => {
    const site = await snippetSite(stage, [
      [
        {
          'server-snippet': 'set $who nobody; if ($http_x_who) { set $who $http_x_who; }',
          'configuration-snippet': 'add_header X-Is $who;',
        },
      ],
    ]);
    expect(fieldsOf(await site.ask('/\nX-Who: me'))).toEqual(['x-is: me']);
    expect(fieldsOf(await site.ask('/'))).toEqual(['x-is: nobody']);
  });

  it('what it answers has none of the fields of locations', async () => {
    const site = await snippetSite(stage, [
      [
        {
          'server-snippet': 'add_header X-S 1 always; if ($arg_a) { return 403; }',
          'configuration-snippet': 'add_header X-L 1 always;',
        },
      ],
    ]);
    expect(fieldsOf(await site.ask('/?a=1'))).toEqual(['x-s: 1']);
    expect(fieldsOf(await site.ask('/'))).toEqual(['x-l: 1']);
  });

  it.each([
    ['/.well-known/webfinger?r=1', 200, 'GET /index.php/.well-known/webfinger?r=1'],
    ['/.well-known/carddav', 301, '301'],
    ['/robots.txt', 200, 'User-agent: *'],
    ['/config/config.php', 403, '403'],
    ['/x/config/config.php', 200, 'GET /x/config/config.php'],
  ])("Nextcloud's, as it is recommended: %s", async (target, status, body) => {
    const site = await snippetSite(stage, [[{ 'server-snippet': NEXTCLOUD }]]);
    const answer = await site.ask(target);
    expect([answer.status, answer.body.includes(body)]).toEqual([status, true]);
    if (status === 301) expect(answer.headers.get('location')).toEqual(['http://app.example/remote.php/dav']);
  });

  it('a location of its own is not got around by another way to write the path', async () => {
    const site = await snippetSite(stage, [
      [{ 'server-snippet': 'location /admin { deny all; } location = /metrics { return 404; }' }],
    ]);
    for (const path of ['/admin', '/admin/x', '/%61dmin', '//admin', '/x/../admin', '/./admin/', '/admin%2fx']) {
      expect([path, (await site.ask(path)).status]).toEqual([path, 403]);
    }
    expect((await site.ask('/m%65trics')).status).toBe(404);
    expect((await site.ask('/Metrics')).status).toBe(200);
  });

  it('an exact path of an Ingress comes before regular expressions, as in nginx', async () => {
    const paths = [{ path: '/a', pathType: 'Exact' }, { path: '/b' }, { path: '/c/' }];
    const site = await snippetSite(stage, [[{ 'server-snippet': 'location ~ ^/[abc] { return 202; }' }, { paths }]]);
    const statuses = [];
    for (const path of ['/a', '/ax', '/b', '/b/x', '/c/', '/c/x']) statuses.push((await site.ask(path)).status);
    expect(statuses).toEqual([200, 202, 200, 202, 202, 202]);
  });

  it('answers before an Ingress that is denied does, as the server does before its locations', async () => {
    const site = await snippetSite(stage, [
      [{ 'server-snippet': 'location = /x { return 418; }' }, { paths: ['/a'] }],
      [{ 'configuration-snippet': 'nonsense;' }, { paths: ['/'] }],
    ]);
    expect([(await site.ask('/x')).status, (await site.ask('/y')).status]).toEqual([418, 503]);
  });

  it('its proxy_set_header has no effect, as in ingress-nginx, and that is said', async () => {
    const site = await snippetSite(stage, [[{ 'server-snippet': 'proxy_set_header X-A 1;' }]]);
    expect((await site.ask('/')).body).not.toContain('x-a');
    expect(site.said).toEqual(['SnippetWithoutEffect server-snippet']);
  });
});

describe('the ConfigMap', () => {
  it('server-snippet and location-snippet hold for every host and path, behind those of Ingresses', async () => {
    const site = await snippetSite(
      stage,
      [[{ 'configuration-snippet': 'set $b own; more_set_headers "X-B: own";' }], [{}, { host: 'c.example' }]],
      {
        translate: {
          serverSnippet: 'if ($arg_stop) { return 403; }',
          locationSnippet: 'set $b "${b}common"; more_set_headers "X-C: $b";',
        },
      },
    );
    expect(fieldsOf(await site.ask('/'))).toEqual(['x-b: own', 'x-c: owncommon']);
    expect(fieldsOf(await site.ask('/', 'c.example'))).toEqual(['x-c: common']);
    for (const host of ['app.example', 'c.example', 'unknown.example'])
      expect((await site.ask('/?stop=1', host)).status).toBe(403);
    expect(fieldsOf(await site.ask('/', 'unknown.example'))).toEqual(['x-c: common']);
  });

  it('needs no switch for its own snippets: only who may write it can write them', async () => {
    const site = await snippetSite(stage, [[{}]], { snippets: false, translate: { locationSnippet: 'add_header X-C 1;' } });
    expect(fieldsOf(await site.ask('/'))).toEqual(['x-c: 1']);
  });

  it.each([
    [{ serverSnippet: 'nonsense;' }, "the ConfigMap's server-snippet, line 1"],
    [{ locationSnippet: 'add_header X 1;\nif {' }, "the ConfigMap's location-snippet, line 2"],
    [{ locationSnippet: 'add_header X $nobody;' }, 'the snippets of the ConfigMap, line 1'],
  ])('one that cannot be read closes everything: %j', async (translate, named) => {
    const site = await snippetSite(stage, [[{}], [{}, { host: 'c.example' }]], { translate });
    for (const host of ['app.example', 'c.example']) expect((await site.ask('/', host)).status).toBe(503);
    for (const { message } of site.diagnostics) expect(message).toContain(named);
    expect(site.diagnostics).toHaveLength(2);
  });
});
