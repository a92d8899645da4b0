/** Snippets of the request to an authentication service: what is read, what is refused, and what they come to. */
import { afterEach, describe, expect, it } from 'vitest';
import { parseAuthSnippet, parseLocationSnippet } from '../../src/policies/snippets/reading/parse.ts';
import { compileAuthSnippet, compileAuthVariables } from '../../src/policies/snippets/running/auth.ts';
import { Rewriting } from '../../src/policies/rewriting.ts';
import type { Passage } from '../../src/policies/acting.ts';
import { answer, fieldIn, scene } from '../support/auth.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';
import { snippetSite } from '../support/snippets.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** A request whose variables have these values. */
function passage(variables: Readonly<Record<string, string>>): Passage {
  const rewriting = new Rewriting('/x', '');
  const variable = (name: string): string => rewriting.variables?.get(name) ?? variables[name] ?? '';
  return { rewriting, variable, request: { rawPath: '/x' } } as unknown as Passage;
}

function compiled(text: string): ReturnType<typeof compileAuthSnippet> {
  const parsed = parseAuthSnippet(text);
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return compileAuthSnippet(parsed.program);
}

/** What of an auth-snippet reaches the service behind. */
const SEEN = 'proxy_set_header X-Seen $seen; proxy_set_header X-Group $1;';

describe('auth-snippet', () => {
  it.each([
    ['default: none', {}, 200, []],
    ['without auth-url, it is not looked at', { 'auth-snippet': 'nonsense' }, 200, ['SnippetWithoutEffect auth-snippet']],
    ['invalid', { 'auth-snippet': 'include /etc/passwd;', 'auth-url': 'http://a.test/' }, 503, ['SnippetInvalid auth-snippet']],
    ['edge: of another type', { 'auth-snippet': 7, 'auth-url': 'http://a.test/' }, 503, ['SnippetInvalid auth-snippet']],
  ])('%s: %j', async (_, annotations, status, said) => {
    const site = await snippetSite(stage, [[annotations]]);
    expect((await site.ask('/')).status).toBe(status);
    expect(site.said.filter((one) => one.startsWith('Snippet'))).toEqual(said);
  });

  it('is behind the same switches', async () => {
    const site = await snippetSite(stage, [[{ 'auth-snippet': 'proxy_method GET;', 'auth-url': 'http://a.test/' }]], {
      snippets: false,
    });
    expect([(await site.ask('/')).status, site.said.includes('SnippetForbidden auth-snippet')]).toEqual([503, true]);
  });

  it("authentik's: a field for the service", () => {
    const { fields, decides, method } = compiled('proxy_set_header X-Forwarded-Host $http_host;\nproxy_set_header X-Empty "";');
    const request = passage({ http_host: 'app.example:8443' });
    expect([decides(request), fields(request), method]).toEqual([
      null,
      [
        ['X-Forwarded-Host', 'app.example:8443'],
        ['X-Empty', ''],
      ],
      null,
    ]);
  });

  it("oauth2-proxy's: some requests go without", () => {
    const { decides } = compiled(
      'if ($request_uri ~ "^/health") { return 200; }\nif ($request_method = OPTIONS) { return 204; }\nset $a 1;',
    );
    expect(decides(passage({ request_uri: '/healthz' }))).toBe(200);
    expect(decides(passage({ request_uri: '/', request_method: 'OPTIONS' }))).toBe(204);
    expect(decides(passage({ request_uri: '/secret/health' }))).toBe(null);
  });

  it('ends no directives but its own', () => {
    const { decides } = compiled('break; return 403;');
    const request = passage({});
    expect([decides(request), request.rewriting.ended]).toEqual([null, false]);
  });

  it('puts no field into another', () => {
    const { fields } = compiled('proxy_set_header X-A "$http_x_a";');
    expect(fields(passage({ http_x_a: '1\r\nX-Evil: 2\0' }))).toEqual([['X-A', '1X-Evil: 2']]);
  });

  it.each([
    ['add_header X-A 1;', 'add_header'],
    ['rewrite ^ /x break;', 'rewrite'],
    ['if ($host) { rewrite ^ /x; }', 'rewrite'],
    ['allow all;', 'allow'],
    ['more_set_input_headers "X-A: 1";', 'more_set_input_headers'],
    ['proxy_pass http://other;', 'proxy_pass'],
    ['resolver 127.0.0.53;', 'resolver'],
    ['proxy_set_header X $uri;', '$request_uri'],
    ['if ($args) { return 200; }', '$request_uri'],
    ['proxy_set_header Content-Length 5;', 'frame'],
    ['proxy_set_header X $nobody', 'ended'],
  ])('refuses %s', (text, named) => {
    const parsed = parseAuthSnippet(text);
    expect('problem' in parsed ? parsed.problem.message : '').toContain(named);
  });

  it('takes Content-Length "", which ingress-nginx says itself', () => {
    expect(compiled('proxy_set_header Content-Length "";').fields(passage({}))).toEqual([]);
  });
});

/** The ConfigMap lets snippets in. */
const ALLOWED = { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' } as const;
const ASKING = { 'auth-url': 'http://AUTH/check' };

describe('the service that auth-url asks', () => {
  it('gets the fields and the method of the auth-snippet', async () => {
    const snippet = 'proxy_set_header X-Tenant $http_x_tenant; proxy_set_header X-Real-IP ""; proxy_method POST;';
    const { ask, asked } = await scene(stage, { ...ASKING, 'auth-snippet': snippet }, { translate: ALLOWED });
    expect((await ask('/', 'X-Tenant: blue\r\n')).status).toBe(200);
    const [head] = asked();
    expect([head?.slice(0, 11), fieldIn(head, 'X-Tenant'), fieldIn(head, 'X-Real-IP')]).toEqual([
      'POST /check',
      'blue',
      undefined,
    ]);
  });

  it.each([
    ['return 401;', 401, 0],
    ['return 403;', 403, 0],
    ['return 500;', 500, 0],
    ['return 200;', 200, 0],
    ['if ($request_uri ~ "^/open") { return 202; }', 200, 0],
    ['if ($request_uri ~ "^/other") { return 403; }', 200, 1],
  ])('is not asked where the auth-snippet decides: %s', async (snippet, status, questions) => {
    const { ask, asked } = await scene(stage, { ...ASKING, 'auth-snippet': snippet }, { translate: ALLOWED });
    expect([(await ask('/open')).status, asked().length]).toEqual([status, questions]);
  });

  it('of all Ingresses gets what global-auth-snippet says, and one with a service of its own does not', async () => {
    const translate = { globalAuthUrl: 'http://AUTH/check', globalAuthSnippet: 'proxy_set_header X-Global yes;' };
    const { ask, asked } = await scene(stage, {}, { translate });
    expect([(await ask()).status, fieldIn(asked()[0], 'X-Global')]).toEqual([200, 'yes']);
    const own = await scene(stage, ASKING, { translate });
    expect([(await own.ask()).status, fieldIn(own.asked()[0], 'X-Global')]).toEqual([200, undefined]);
  });

  it('of all Ingresses denies them when global-auth-snippet is not understood', async () => {
    const translate = { globalAuthUrl: 'http://AUTH/check', globalAuthSnippet: 'lua_code_cache on;' };
    const { ask, diagnostics } = await scene(stage, {}, { translate });
    expect([(await ask()).status, diagnostics.some((one) => one.startsWith('SnippetInvalid'))]).toEqual([503, true]);
  });
});

describe('auth_request_set', () => {
  it("gives the backend what the service said, and not the client's", async () => {
    const snippet = 'auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user;';
    const { ask, proxied } = await scene(
      stage,
      { ...ASKING, 'configuration-snippet': snippet },
      { translate: ALLOWED, auth: () => response('', 'X-User: ann\r\n') },
    );
    expect((await ask('/', 'X-User: root\r\n')).status).toBe(200);
    expect(fieldIn(proxied()[0], 'X-User')).toBe('ann');
  });

  function variables(text: string): NonNullable<ReturnType<typeof compileAuthVariables>> {
    const parsed = parseLocationSnippet(text);
    if ('problem' in parsed) throw new Error(parsed.problem.message);
    return compileAuthVariables(parsed.program.authVariables)!;
  }

  it("oauth2-proxy's: fields of its answer become variables", () => {
    const { names, set } = variables(
      'auth_request_set $user $upstream_http_x_auth_request_user; auth_request_set $c $upstream_cookie_s; auth_request_set $both "$user/$upstream_http_x_b";',
    );
    expect(names).toEqual(['x-auth-request-user', 'set-cookie', 'x-b']);
    const request = passage({});
    set(request, (name) => ({ 'x-auth-request-user': 'ann', 'set-cookie': 'r=1; Path=/, s=2; HttpOnly' })[name] ?? '');
    expect(['user', 'c', 'both'].map((name) => request.variable(name))).toEqual(['ann', '2', 'ann/']);
  });

  it('changes nothing of the request of the client but variables', async () => {
    const { ask, asked, proxied } = await scene(
      stage,
      { ...ASKING, 'auth-snippet': 'if ($http_x_a ~ (.)) { set $args "x=1"; set $seen $1; }', 'configuration-snippet': SEEN },
      { translate: ALLOWED },
    );
    expect((await ask('/p?q=2', 'X-A: b\r\n')).status).toBe(200);
    expect(asked()[0]).toMatch(/^GET \/[^?]* HTTP/);
    expect(proxied()[0]).toMatch(/^GET \/p\?q=2 HTTP/);
    expect(fieldIn(proxied()[0], 'X-Seen')).toBe('b');
    expect(fieldIn(proxied()[0], 'X-Group')).toBeUndefined();
  });

  it('the service gets the fields of the client as more_set_input_headers has them: it must not judge by others', async () => {
    const snippet =
      'more_clear_input_headers X-Internal; more_set_input_headers "X-Verified: no"; more_set_input_headers Cookie;';
    const { ask, asked } = await scene(stage, { ...ASKING, 'configuration-snippet': snippet }, { translate: ALLOWED });
    await ask('/', 'X-Internal: root\r\nX-Verified: yes\r\nx-verified: yes\r\nCookie: a=b\r\nX-Other: 1\r\n');
    expect(['X-Internal', 'X-Verified', 'Cookie', 'X-Other'].map((name) => fieldIn(asked()[0], name))).toEqual([
      undefined,
      'no',
      undefined,
      '1',
    ]);
  });

  it('a key of the cache is made of the fields that the service gets', async () => {
    const annotations = {
      ...ASKING,
      'auth-cache-key': '$http_authorization$cookie_a',
      'configuration-snippet': 'more_set_input_headers "Authorization: Bearer $arg_token";',
    };
    const auth = (head: string): string => (head.includes('Bearer right') ? response('') : answer(403));
    const { ask } = await scene(stage, annotations, { translate: ALLOWED, auth });
    expect([(await ask('/?token=right')).status, (await ask('/?token=wrong')).status, (await ask('/')).status]).toEqual([
      200, 403, 403,
    ]);
  });

  it('variables are empty while no service was asked, so that a client cannot say them', async () => {
    const snippet = 'auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user;';
    const site = await snippetSite(stage, [[{ 'configuration-snippet': snippet }]]);
    expect((await site.ask('/\nX-User: root')).body).not.toContain('x-user');
  });
});
