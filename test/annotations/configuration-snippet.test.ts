/**
 * Snippets of locations. What nginx does with the directives of its own modules is in `snippets-nginx.test.ts`, beside nginx; here are
 * the switches, the directives of headers-more, and what is refused.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Http2Client } from '../support/http2/stage.ts';
import { Stage } from '../support/stage.ts';
import { fieldsOf, requestText, snippetSite } from '../support/snippets.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const FIELDS = '/?fields=X-A:1|X-Frame-Options:old|Server-Timing:t|X-Hidden-One:1|X-Hidden-Two:2';

describe('configuration-snippet', () => {
  it.each([
    ['default: none', undefined, {}, 200, []],
    ['empty', ' \n ', {}, 200, []],
    ['with both switches', 'return 403;', { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' }, 403, []],
    ['with none', 'return 200;', {}, 503, ['SnippetForbidden configuration-snippet']],
    ['without the risk', 'return 200;', { allowSnippetAnnotations: true }, 503, ['SnippetForbidden configuration-snippet']],
    [
      'without the permission',
      'return 200;',
      { annotationsRiskLevel: 'Critical' },
      503,
      ['SnippetForbidden configuration-snippet'],
    ],
    [
      'of another type',
      ['return 200;'],
      { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' },
      503,
      ['SnippetInvalid configuration-snippet'],
    ],
  ] as const)('%s: %j', async (_, value, translate, status, said) => {
    const annotations = value === undefined ? {} : { 'configuration-snippet': value };
    const other = [{}, { host: 'other.example' }] as const;
    const site = await snippetSite(stage, [[annotations], other], { snippets: false, translate });
    expect([(await site.ask('/')).status, site.said]).toEqual([status, said]);
    expect((await site.ask('/', 'other.example')).status).toBe(200);
  });

  it('is not read while it is not allowed', async () => {
    const { said } = await snippetSite(stage, [[{ 'configuration-snippet': 'nonsense' }]], { snippets: false });
    expect(said).toEqual(['SnippetForbidden configuration-snippet']);
  });

  it('names the switches that are off', async () => {
    const { diagnostics } = await snippetSite(stage, [[{ 'configuration-snippet': 'deny all;' }]], { snippets: false });
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'configuration-snippet is not allowed: the ConfigMap does not say allow-snippet-annotations: "true", nor annotations-risk-level: Critical',
    ]);
  });

  it.each([
    // snippet, request, status, fields of the answer
    [
      'more_set_headers "X-Frame-Options: DENY" "X-Two: 2";',
      FIELDS,
      200,
      ['x-a: 1', 'x-frame-options: DENY', 'x-hidden-one: 1', 'x-hidden-two: 2', 'x-two: 2'],
    ],
    ['more_set_headers "X-A:" "X-Frame-Options;";'.replace(';";', '";'), FIELDS, 200, ['x-hidden-one: 1', 'x-hidden-two: 2']],
    ['more_clear_headers X-Hidden-* X-A;', FIELDS, 200, ['x-frame-options: old']],
    [
      'more_clear_headers "x-hidden-one" "X-A"; more_set_headers "X-A: new";',
      FIELDS,
      200,
      ['x-a: new', 'x-frame-options: old', 'x-hidden-two: 2'],
    ],
    ['more_set_headers -s 404 "X-E: 1"; more_set_headers -s "500 200" "X-O: 1";', '/', 200, ['x-o: 1']],
    ['more_set_headers -s 404 "X-E: 1"; more_set_headers -s "500 200" "X-O: 1";', '/status/404', 404, ['x-e: 1']],
    ['more_set_headers -t "text/plain text/css" "X-T: 1"; more_set_headers -t text/html "X-H: 1";', '/', 200, ['x-t: 1']],
    ['more_set_headers -t text/html "X-H: 1"; return 404;', '/', 404, ['x-h: 1']],
    [
      'more_set_headers "X-Id: $arg_id" "X-Up: $upstream_http_x_a";',
      '/?id=7&fields=X-A:1',
      200,
      ['x-a: 1', 'x-id: 7', 'x-up: 1'],
    ],
    ['more_set_headers "X-M: 1"; add_header X-M 2; more_clear_headers X-M;', '/', 200, ['x-m: 2']],
    ['more_set_headers "X-M: 1"; if ($arg_a) { more_set_headers "X-N: 2"; }', '/?a=1', 200, ['x-m: 1', 'x-n: 2']],
    ['more_set_headers "X-Frame-Options DENY";', '/', 200, []],
  ])('%s ← %s', async (snippet, request, status, fields) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const answer = await site.ask(request);
    expect([answer.status, fieldsOf(answer)]).toEqual([status, fields]);
  });

  it('more_set_headers takes the place of the Content-Type of an answer, and of Location', async () => {
    const snippet =
      'more_set_headers "Content-Type: application/problem+json"; more_set_headers -s 302 "Location: /y"; if ($arg_a) { return 302 /x; } return 400 "{}";';
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const bad = await site.ask('/');
    expect([bad.status, bad.headers.get('content-type'), bad.body]).toEqual([400, ['application/problem+json'], '{}']);
    expect((await site.ask('/?a=1')).headers.get('location')).toEqual(['/y']);
  });

  it.each([
    ['set $a 1;', ['max-age=31536000; includeSubDomains']],
    ['more_set_headers "Strict-Transport-Security: max-age=1";', ['max-age=1']],
    ['more_clear_headers Strict-*;', undefined],
    ['add_header Strict-Transport-Security max-age=1 always;', ['max-age=1', 'max-age=31536000; includeSubDomains']],
  ])('over TLS, of Strict-Transport-Security there is what the filters of nginx leave: %s', async (snippet, values) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': `${snippet} if ($arg_a) { return 403; }` }]]);
    const client = await stage.tlsClient(site.httpsPort);
    for (const target of ['/', '/?a=1']) {
      client.send(requestText(target, 'app.example').replace('Connection: close\r\n', ''));
      const { headers } = await client.response();
      expect([target, headers.get('strict-transport-security')?.toSorted()]).toEqual([target, values]);
    }
  });

  it('never takes away what frames an answer', async () => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': 'more_clear_headers Con*;' }]]);
    const answer = await site.ask('/');
    expect(answer.headers.get('content-type')).toBe(undefined);
    expect(answer.body).toContain('GET /\n');
  });

  it.each([
    ['more_set_input_headers "X-From: ingress";', '/\nX-From: client', ['x-from: ingress']],
    ['more_set_input_headers -r "X-From: ingress";', '/', []],
    ['more_set_input_headers -r "X-From: ingress";', '/\nX-From: client', ['x-from: ingress']],
    ['more_clear_input_headers X-From "X-Other";', '/\nX-From: 1\nX-Other: 2\nX-Third: 3', ['x-third: 3']],
    ['proxy_set_header Host "other.test"; proxy_set_header X-H $host;', '/', ['host: other.test', 'x-h: app.example']],
    ['proxy_set_header "X-B" "Bearer $arg_t";', '/?t=1', ['x-b: Bearer 1']],
    [
      'proxy_set_header X-Svc $service_name.$namespace.svc:$service_port/$ingress_name$location_path;',
      '/',
      ['x-svc: app.default.svc:80/web/'],
    ],
    ['if ($arg_a) { more_set_input_headers "X-I: 1"; } more_set_input_headers "X-O: 2";', '/?a=1', ['x-i: 1', 'x-o: 2']],
  ])('the backend gets: %s ← %j', async (snippet, request, fields) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const { body } = await site.ask(request);
    const got = body
      .split('\n')
      .slice(1)
      .filter((line) => line !== '' && !/^(?:host: app\.example|x-real-ip|x-forwarded-for)/.test(line));
    expect(got).toEqual(fields);
  });

  it('a snippet for websockets is harmless, and frames nothing', async () => {
    const snippet =
      'proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection "upgrade";\nproxy_cache_bypass $http_upgrade;';
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const [one, two] = await Promise.all([site.ask('/'), site.ask('/')]);
    expect([one.status, two.status]).toEqual([200, 200]);
  });

  it('does the same for clients of HTTP/2, whose stream alone a return 444 ends', async () => {
    const snippet = `more_set_headers "X-M: $arg_m" "Strict-Transport-Security: max-age=1"; more_clear_headers X-A; proxy_set_header X-P $host;
      if ($arg_m = 1) { return 204; } if ($arg_m = 2) { return 444; } if ($arg_m = 3) { return 400 "{}"; } rewrite ^/old$ /new break;`;
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const client = stage.opened(new Http2Client(site.httpsPort));
    const none = await client.request({ ':path': '/?m=1' });
    expect([
      none.headers[':status'],
      none.headers['x-m'],
      none.headers['content-type'],
      none.headers['content-length'],
    ]).toEqual([204, '1', undefined, undefined]);
    expect((await client.request({ ':path': '/?m=2' })).code).not.toBe(0);
    const bad = await client.request({ ':path': '/?m=3' });
    expect([bad.headers[':status'], bad.body.toString(), bad.headers['strict-transport-security']]).toEqual([
      400,
      '{}',
      'max-age=1',
    ]);
    const passed = await client.request({ ':path': '/old?fields=X-A:1' });
    expect([passed.headers['x-a'], passed.headers['strict-transport-security']]).toEqual([undefined, 'max-age=1']);
    expect(passed.body.toString()).toContain(
      'GET /new?fields=X-A:1\nhost: app.example\nx-forwarded-for: 127.0.0.1\nx-p: app.example\n',
    );
  });

  it('return 444 closes the connection', async () => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': 'if ($arg_a) { return 444; }' }]]);
    await expect(site.ask('/?a=1')).rejects.toThrow('the connection closed');
    expect((await site.ask('/')).status).toBe(200);
  });

  it('§4 phase order: it comes before the redirect to https, and its rewriting does not get around that', async () => {
    const site = await snippetSite(stage, [
      [{ 'configuration-snippet': 'if ($arg_a) { return 418; } rewrite ^/x$ /y last;', 'force-ssl-redirect': 'true' }],
    ]);
    expect((await site.ask('/?a=1')).status).toBe(418);
    expect((await site.ask('/x')).headers.get('location')).toEqual(['https://app.example/x']);
  });

  it('a rewriting that goes round in circles ends with 500, as in nginx', async () => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': 'rewrite ^/a/(.*)$ /a/x$1 last;' }]]);
    expect((await site.ask('/a/')).status).toBe(500);
    expect((await site.ask('/b')).status).toBe(200);
  });

  it('goes on with the other Ingress of the host that the new path belongs to', async () => {
    const site = await snippetSite(stage, [
      [{ 'configuration-snippet': 'rewrite ^/a/(.*)$ /b/$1 last; add_header X-From a;' }, { paths: ['/a'] }],
      [{ 'configuration-snippet': 'add_header X-From b; proxy_set_header X-To b;' }, { paths: ['/b'] }],
    ]);
    const answer = await site.ask('/a/1?q=2');
    expect([fieldsOf(answer), answer.body.includes('GET /b/1?q=2\n'), answer.body.includes('x-to: b')]).toEqual([
      ['x-from: b'],
      true,
      true,
    ]);
  });

  it('a rewriting does not get around what denies the path it leads to', async () => {
    const site = await snippetSite(stage, [
      [{ 'configuration-snippet': 'rewrite ^/a/(.*)$ /b/$1 last;' }, { paths: ['/a'] }],
      [{ 'configuration-snippet': 'deny all;' }, { paths: ['/b'] }],
      [{ 'auth-type': 'basic', 'auth-secret': 'none' }, { paths: ['/c'] }],
    ]);
    expect((await site.ask('/a/1')).status).toBe(403);
  });

  it.each(['/b;x', '/b%3bx/1', '/%2562/1', '/%5cb/1', '/.;/b'])(
    'a rewriting to what a backend might take for a path of another location is refused, as without one: %s',
    async (path) => {
      const site = await snippetSite(stage, [
        [{ 'configuration-snippet': 'rewrite ^/a/(.*)$ /$1 last;' }, { paths: ['/', '/a'] }],
        [{ 'configuration-snippet': 'deny all;' }, { paths: ['/b'] }],
      ]);
      expect((await site.ask(path)).status).toBe(400);
      expect((await site.ask(`/a${path}`)).status).toBe(400);
      expect((await site.ask('/a/c;x')).status).toBe(200);
    },
  );
});

describe('what a snippet cannot do', () => {
  it.each([
    ['a field by a variable', 'add_header X-A "$arg_a" always; proxy_set_header X-B "$arg_a";', '/?a=x%0d%0aX-Evil:%201'],
    ['a field by a path', 'add_header X-A "$uri" always; proxy_set_header X-B "$uri";', '/x%0d%0aX-Evil:%201'],
    ['a field by Location', 'return 302 https://$host$uri;', '/x%0d%0aX-Evil:%201'],
    ['a field by a capture', 'rewrite ^/(.*)$ /y?z=$1 break; set $c $1; proxy_set_header X-C $c;', '/x%0d%0aX-Evil:%201'],
    ['a request by a query', 'set $args $uri;', '/x%20HTTP/1.1%0d%0aX-Evil:%201%0d%0a%0d%0aGET%20/evil'],
    ['a request by a path', 'rewrite ^/(.*)$ /$1 break;', '/x%20HTTP/1.1%0d%0aX-Evil:%201%0d%0a%0d%0aGET%20/evil'],
    ['a host', 'proxy_set_header Host "$uri";', '/x%0d%0aX-Evil:%201'],
    ['a field by the snippet itself', 'add_header X-A "a\\r\\nX-Evil: 1"; proxy_set_header X-B "b\\r\\nX-Evil: 1";', '/'],
  ])('make %s out of text', async (_, snippet, request) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    const { headers, body } = await site.ask(request);
    expect([headers.has('x-evil'), /^x-evil/m.test(body), body.includes('GET /evil')]).toEqual([false, false, false]);
  });

  it.each(['/$arg_p', '/a/$arg_p/x', '$arg_p'])('send a path that nobody routed: %s', async (path) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': `rewrite ^ ${path} break;` }]]);
    for (const evil of ['..', '../secret', './/..', 'x/../../secret', '..;', 'x\\..\\y']) {
      const { status } = await site.ask(`/?p=${evil}`);
      expect([evil, status]).toEqual([evil, 400]);
    }
  });

  it.each([
    // The injections that ended ingress-nginx, and their kin.
    ['return 200; } } server { listen 80; location / { return 200;', '"}"'],
    ['}', '"}"'],
    ['proxy_pass http://169.254.169.254;', 'proxy_pass'],
    ['root /etc;', 'root'],
    ['alias /var/run/secrets/;', 'alias'],
    ['include /etc/passwd;', 'include'],
    ['load_module /tmp/x.so;', 'load_module'],
    ['ssl_engine /tmp/x;', 'ssl_engine'],
    ['try_files $uri /x;', 'try_files'],
    ['content_by_lua_block { ngx.say(io.open("/etc/passwd"):read("*a")) }', 'Lua'],
    ['access_by_lua_block {\n if x then return "}" end -- "\n}', 'Lua'],
    ['set_by_lua $x "return 1";', 'Lua'],
    ['auth_request off;', 'auth_request'],
    ['auth_basic off;', 'auth_basic'],
    ['satisfy any;', 'satisfy'],
    ['set $proxy_upstream_name "kube-system-secret-80";', 'variable'],
    ['set $service_name other;', 'variable'],
    ['set $host other;', 'variable'],
    ['proxy_set_header Content-Length 5;', 'frame'],
    ['proxy_set_header Transfer-Encoding chunked;', 'frame'],
    ['add_header Content-Length 5;', 'frame'],
    ['add_header Connection close;', 'frame'],
    ['more_set_headers "Transfer-Encoding: chunked";', 'frame'],
    ['more_set_input_headers "Host: other";', 'frame'],
    ['more_set_input_headers "Content-Length: 0";', 'frame'],
    ['add_header "X A" 1;', 'no name'],
    ['proxy_method CONNECT;', 'method'],
    ['proxy_method HEAD;', 'body'],
    ['proxy_method "GET /x HTTP/1.1";', 'method'],
    ['if (-f /etc/passwd) { return 200; }', 'file'],
    ['if ($request_body ~ x) { return 403; }', '$request_body'],
    ['if ($host ~ ^(?!(ci))) { return 403; }', 'look-around'],
    ['if ($uri ~ (a)\\1) { return 403; }', 'look-around'],
    ['sub_filter a b;', 'sub_filter'],
    ['location /x { return 404; }', 'location'],
    ['error_page 404 /x;', 'error_page'],
    ['"more_set_headers" "X: 1"; nonsense;', 'nonsense'],
    ['a '.repeat(40_000), 'characters'],
    ['set $a 1;'.repeat(1001), 'directives'],
    [`${'if ($host) {'.repeat(50)}${'}'.repeat(50)}`, 'blocks'],
    ['return 403;\0', 'NUL'],
    ['rewrite ^/a /b;'.repeat(101), 'regular expressions'],
  ])('is refused, and named: %s', async (snippet, named) => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    expect([(await site.ask('/')).status, site.said]).toEqual([503, ['SnippetInvalid configuration-snippet']]);
    const [first] = site.diagnostics;
    expect(first?.message).toMatch(/^configuration-snippet, line \d+: /);
    expect(first?.message).toContain(named);
  });

  it('is half applied: what is right beside what is wrong', async () => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': 'return 200 in;\nno_such on;' }]]);
    expect((await site.ask('/')).status).toBe(503);
    expect(site.diagnostics.map(({ message }) => message)).toEqual([
      'configuration-snippet, line 2: "no_such" is no directive that snippets may have here',
    ]);
  });

  it('is reported without its values, which may be secret', async () => {
    const snippet = 'proxy_set_header Authorization "Basic c2VjcmV0";\nno_such c2VjcmV0;';
    const { diagnostics } = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    expect(JSON.stringify(diagnostics)).not.toContain('c2VjcmV0');
  });

  it('hang on a regular expression', async () => {
    const site = await snippetSite(stage, [[{ 'configuration-snippet': 'if ($request_uri ~ "^(a+)+$") { return 403; }' }]]);
    expect((await site.ask(`/${'a'.repeat(4000)}!`)).status).toBe(200);
  });

  it('see what another request set', async () => {
    const site = await snippetSite(stage, [
      [{ 'configuration-snippet': 'if ($arg_a) { set $b $arg_a; } add_header X-B "<$b>";' }],
    ]);
    expect(fieldsOf(await site.ask('/?a=1'))).toEqual(['x-b: <1>']);
    expect(fieldsOf(await site.ask('/'))).toEqual(['x-b: <>']);
  });

  it('take more than their place on a connection that goes on', async () => {
    const site = await snippetSite(stage, [
      [{ 'configuration-snippet': 'if ($request_method = POST) { return 200 "not read"; }' }],
    ]);
    const client = await stage.client(site.port);
    client.send(requestText('POST /', 'app.example').replace('Connection: close', 'Content-Length: 5').concat('hello'));
    expect((await client.response()).body).toBe('not read');
    client.send(requestText('/', 'app.example'));
    expect((await client.response()).body).toContain('GET /\n');
  });
});
