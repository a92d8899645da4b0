/** `affinity` and its cookie: who stays with which endpoint. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { asking, namedService, type Asking, type Question } from '../support/balance.ts';
import { ingress, service, translated, type IngressText } from '../support/ingress.ts';
import { freePort } from '../support/ports.ts';
import { response } from '../support/proxy.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

type Annotations = Readonly<Record<string, string>>;
const STICKY = { affinity: 'cookie' };
const PERSISTENT = { ...STICKY, 'affinity-mode': 'persistent' };
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const keyOf = (upstream: string): string => md5(md5(upstream) + upstream);
const APP_KEY = keyOf('default-app-80');

/** The values of Set-Cookie. */
function cookies({ headers }: RawResponse): readonly string[] {
  return headers.get('set-cookie') ?? [];
}

/** What a client would send back. */
function back(answer: RawResponse): string {
  return `Cookie: ${cookies(answer)
    .map((cookie) => cookie.split(';')[0])
    .join('; ')}`;
}

/** `app` has four endpoints behind an Ingress with these annotations. */
async function sticky(
  annotations: Annotations,
  text: IngressText = {},
  more: readonly KubeObject[] = [],
  tls = false,
): Promise<Asking> {
  return asking(stage, [...(await namedService(stage, 'app', 4)), ingress(annotations, text), ...more], {}, tls);
}

/** The one cookie of a first answer. */
async function cookieOf(
  annotations: Annotations,
  text: IngressText = {},
  question: Question = {},
  tls = false,
): Promise<string | undefined> {
  const found = cookies(await (await sticky(annotations, text, [], tls)).ask(question));
  expect(found.length).toBeLessThan(2);
  return found[0];
}

/** The attributes of it. */
async function attributes(
  annotations: Annotations,
  text: IngressText = {},
  question: Question = {},
  tls = false,
): Promise<string> {
  const cookie = await cookieOf({ ...STICKY, ...annotations }, text, question, tls);
  return cookie?.slice(cookie.indexOf(';') + 2) ?? '';
}

/** Asks until so many endpoints have answered: that they do is sure, when is chance. */
async function reaches({ ask }: Asking, count: number, question: Question = {}): Promise<void> {
  const seen = new Set<string>();
  while (seen.size < count) seen.add((await ask(question)).body);
}

function problems(annotations: Annotations): string[] {
  return translated([...service('app', [1]), ingress(annotations)]).diagnostics.map(
    ({ code, field }) => `${code} ${field.replace(/.*\/(.*)]/, '$1')}`,
  );
}

describe('affinity', () => {
  it.each<[string, Annotations, boolean]>([
    ['absent: no cookie, endpoints take turns', {}, false],
    ['cookie', STICKY, true],
    ['of another kind: none', { affinity: 'ip' }, false],
    ['in another spelling: none', { affinity: 'Cookie' }, false],
    ['empty: none', { affinity: '' }, false],
  ])('%s', async (_, annotations, has) => {
    const { ask, names } = await sticky(annotations);
    const first = await ask();
    expect(cookies(first)).toHaveLength(has ? 1 : 0);
    const rest = await names(8, { fields: has ? [back(first)] : [] });
    expect(new Set([first.body, ...rest]).size).toBe(has ? 1 : 4);
  });

  it('the cookie is a key and the name of the Service port, hashed; the client that has one gets no other', async () => {
    const { ask } = await sticky(STICKY);
    const first = await ask();
    expect(cookies(first)[0]).toMatch(
      new RegExp(String.raw`^INGRESSCOOKIE=\d+\.\d{3}\.\d+\.\d+\|${APP_KEY}; Path=/; HttpOnly$`),
    );
    expect(cookies(await ask({ fields: [back(first)] }))).toEqual([]);
  });

  it('clients without a cookie are spread over all endpoints', async () => {
    await reaches(await sticky(STICKY), 4);
  });

  it('means the same in every replica', async () => {
    const objects = [...(await namedService(stage, 'app', 4)), ingress(STICKY)];
    const [one, other] = [await asking(stage, objects), await asking(stage, objects)];
    for (let i = 0; i < 8; i++) {
      const first = await one.ask();
      expect((await other.ask({ fields: [back(first)] })).body).toBe(first.body);
    }
  });

  it('is for the clients of an Ingress that asks for it: others of the same Service get no cookie', async () => {
    const other = ingress({}, { name: 'other', host: 'other.example', created: '2025-02-01T00:00:00Z' });
    const { ask, names } = await sticky(STICKY, { paths: ['/a'] }, [other, ingress({}, { name: 'rest', paths: ['/b'] })]);
    expect(cookies(await ask({ path: '/a' }))).toHaveLength(1);
    expect(cookies(await ask({ path: '/b' }))).toEqual([]);
    expect(cookies(await ask({ host: 'other.example' }))).toEqual([]);
    // Though a cookie from elsewhere counts there, too: it is the Service's.
    const given = back(await ask({ path: '/a' }));
    expect(new Set(await names(8, { host: 'other.example', fields: [given] })).size).toBe(1);
  });

  it('a wildcard host gives it for the names below', async () => {
    expect(await cookieOf(STICKY, { host: '*.app.example' }, { host: 'shop.app.example' })).toContain('INGRESSCOOKIE=');
  });

  it.each([
    'INGRESSCOOKIE=x',
    'INGRESSCOOKIE=|',
    'INGRESSCOOKIE=|||',
    'INGRESSCOOKIE==',
    `INGRESSCOOKIE=${'x'.repeat(4000)}`,
    'INGRESSCOOKIE="><script>|constructor',
    'INGRESSCOOKIE=__proto__|__proto__',
    `INGRESSCOOKIE=${APP_KEY}|${APP_KEY}`,
    'INGRESSCOOKIE=%00%0d%0a; INGRESSCOOKIE',
    'INGRESSCOOKIE=\u00fc\u00ff|\u0080',
  ])('a cookie that nobody gave does no harm: %s', async (cookie) => {
    for (const annotations of [STICKY, PERSISTENT]) {
      const { ask } = await sticky(annotations);
      const { status, body } = await ask({ fields: [`Cookie: ${cookie}`] });
      expect([status, body]).toEqual([200, expect.stringMatching(/^app-[0-3]$/)]);
    }
  });

  it('is not set on an answer of our own', async () => {
    const { ask } = await sticky({ ...STICKY, 'force-ssl-redirect': 'true' });
    expect(cookies(await ask())).toEqual([]);
    const none = await asking(stage, [...service('app', []), ingress(STICKY)]);
    const answer = await none.ask();
    expect([answer.status, cookies(answer)]).toEqual([503, []]);
  });

  it("stands beside the backend's own cookies", async () => {
    const backend = await stage.backend(() => response('x', 'Set-Cookie: session=1; Path=/\r\n'));
    const { ask } = await asking(stage, [...service('app', [backend.port]), ingress(STICKY)]);
    expect(cookies(await ask())).toEqual(['session=1; Path=/', expect.stringMatching(/^INGRESSCOOKIE=/)]);
  });

  it('is for clients of HTTP/2 as well', async () => {
    const { proxy } = await sticky(STICKY);
    const session = http2.connect(`https://127.0.0.1:${proxy.httpsPort}`, {
      rejectUnauthorized: false,
      servername: 'app.example',
    });
    const ask = async (cookie: string): Promise<[string, readonly string[]]> => {
      const stream = session.request({ ':authority': 'app.example', ...(cookie !== '' && { cookie }) });
      const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
      let body = '';
      for await (const chunk of stream.setEncoding('utf8')) body += String(chunk);
      return [body, headers['set-cookie'] ?? []];
    };
    const [first, [cookie]] = await ask('');
    expect(cookie).toMatch(/; Path=\/; Secure; HttpOnly$/);
    for (let i = 0; i < 6; i++) expect(await ask(`a=b; ${cookie?.split(';')[0]}`)).toEqual([first, []]);
    session.close();
  });

  it('beats upstream-hash-by and load-balance', async () => {
    await reaches(await sticky({ ...STICKY, 'upstream-hash-by': '$host', 'load-balance': 'ewma' }), 4);
  });

  it('§4.4: attributes are those of the last Ingress of the Service, the mode of the first that says one', async () => {
    const second = ingress(
      { ...STICKY, 'session-cookie-name': 'second', 'affinity-mode': 'persistent' },
      { name: 'b', host: 'b.example', created: '2025-02-01T00:00:00Z' },
    );
    const { ask } = await sticky({ ...STICKY, 'session-cookie-name': 'first', 'affinity-mode': 'balanced' }, {}, [second]);
    const [cookie] = cookies(await ask());
    expect(cookie).toMatch(/^second=[\d.]+\|/);
  });

  it('is reported when it is of another kind', () => {
    expect(problems({ affinity: 'ip' })).toEqual(['AnnotationInvalid affinity']);
    expect(problems({ ...STICKY, 'use-regex': 'true' })).toContain('AnnotationInvalid affinity');
  });
});

describe('affinity-mode', () => {
  it.each<[string, Annotations, RegExp]>([
    ['balanced, the default: a key that is hashed', STICKY, /^INGRESSCOOKIE=[\d.]+\|/],
    ['balanced', { ...STICKY, 'affinity-mode': 'balanced' }, /^INGRESSCOOKIE=[\d.]+\|/],
    ['persistent: the endpoint itself, hashed', PERSISTENT, /^INGRESSCOOKIE=[0-9a-f]{32}\|/],
    ['of another name: balanced', { ...STICKY, 'affinity-mode': 'strict' }, /^INGRESSCOOKIE=[\d.]+\|/],
  ])('%s', async (_, annotations, pattern) => {
    expect(await cookieOf(annotations)).toMatch(pattern);
  });

  it('persistent names the endpoint as ingress-nginx does', async () => {
    const backend = await stage.backend(() => response('x'));
    const { ask } = await asking(stage, [...service('app', [backend.port]), ingress(PERSISTENT)]);
    expect(back(await ask())).toBe(`Cookie: INGRESSCOOKIE=${md5(`default-app-80127.0.0.1:${backend.port}`)}|${APP_KEY}`);
  });

  it('persistent: a client whose endpoint is gone gets another and its cookie; all others stay', async () => {
    const objects = await namedService(stage, 'app', 4);
    const [before, after] = [
      await asking(stage, [...objects, ingress(PERSISTENT)]),
      await asking(stage, [...objects.slice(0, -1), ingress(PERSISTENT)]),
    ];
    const seen = new Set<string>();
    while (seen.size < 4) {
      const first = await before.ask();
      seen.add(first.body);
      const then = await after.ask({ fields: [back(first)] });
      if (first.body === 'app-3') expect(cookies(then)).toHaveLength(1);
      else expect([then.body, cookies(then)]).toEqual([first.body, []]);
    }
  });

  it('balanced: a client whose endpoint is gone goes elsewhere by the same cookie; all others stay', async () => {
    const objects = await namedService(stage, 'app', 4);
    const [before, after] = [
      await asking(stage, [...objects, ingress(STICKY)]),
      await asking(stage, [...objects.slice(0, -1), ingress(STICKY)]),
    ];
    const seen = new Set<string>();
    while (seen.size < 4) {
      const first = await before.ask();
      seen.add(first.body);
      const then = await after.ask({ fields: [back(first)] });
      expect(cookies(then)).toEqual([]);
      if (first.body !== 'app-3') expect(then.body).toBe(first.body);
    }
  });

  it('is reported when it is none', () => {
    expect(problems({ ...STICKY, 'affinity-mode': 'strict' })).toEqual(['AnnotationInvalid affinity-mode']);
  });
});

describe('affinity-canary-behavior', () => {
  const CANARY: IngressText = { name: 'web-canary', service: 'next', created: '2025-02-01T00:00:00Z' };
  const NEXT_KEY = keyOf('default-next-80');

  async function withCanary(annotations: Annotations, primary: Annotations = STICKY): Promise<Asking> {
    const next = await namedService(stage, 'next', 2);
    const canary = ingress({ canary: 'true', 'canary-by-header': 'X-Canary', ...annotations }, CANARY);
    return sticky(primary, {}, [...next, canary]);
  }

  it.each<[string, Annotations, boolean]>([
    ['sticky, the default: the canary gives the cookie, and keeps who has it', {}, true],
    ['sticky', { 'affinity-canary-behavior': 'sticky' }, true],
    ['legacy: the canary gives none', { 'affinity-canary-behavior': 'legacy' }, false],
    ['of another name: sticky', { 'affinity-canary-behavior': 'loose' }, true],
  ])('%s', async (_, annotations, stays) => {
    const { ask, names } = await withCanary(annotations);
    const first = await ask({ fields: ['X-Canary: always'] });
    expect(first.body).toMatch(/^next-/);
    expect(cookies(first).map((cookie) => cookie.includes(NEXT_KEY))).toEqual(stays ? [true] : []);
    // Without the header, and even against it: the cookie is asked first.
    if (stays) expect(new Set(await names(6, { fields: ['X-Canary: never', back(first)] }))).toEqual(new Set([first.body]));
  });

  it('a client that the others served first stays with them, whatever the header says', async () => {
    const { ask, names } = await withCanary({});
    const first = await ask();
    expect(first.body).toMatch(/^app-/);
    expect(new Set(await names(6, { fields: ['X-Canary: always', back(first)] }))).toEqual(new Set([first.body]));
  });

  it('legacy: a client of the canary is asked about anew each time', async () => {
    const { ask } = await withCanary({ 'affinity-canary-behavior': 'legacy' });
    const forged = `Cookie: INGRESSCOOKIE=1|${NEXT_KEY}`;
    expect((await ask({ fields: [forged] })).body).toMatch(/^app-/);
    expect((await ask({ fields: [forged, 'X-Canary: always'] })).body).toMatch(/^next-/);
  });

  it("the canary's own affinity is not heeded: that of the other holds", async () => {
    const { ask } = await withCanary({ ...STICKY, 'session-cookie-name': 'mine' });
    expect(cookies(await ask({ fields: ['X-Canary: always'] }))[0]).toMatch(/^INGRESSCOOKIE=/);
    const none = await withCanary(STICKY, {});
    expect(cookies(await none.ask({ fields: ['X-Canary: always'] }))).toEqual([]);
  });

  it('is reported when it is none', () => {
    expect(problems({ 'affinity-canary-behavior': 'loose' })).toEqual(['AnnotationInvalid affinity-canary-behavior']);
  });
});

describe('session-cookie-name', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'INGRESSCOOKIE='],
    ['route', 'route='],
    ['my.app_route-1', 'my.app_route-1='],
    ['a;b', 'INGRESSCOOKIE='],
    ['x\r\nSet-Cookie: y', 'INGRESSCOOKIE='],
    ['', 'INGRESSCOOKIE='],
  ])('%j: %s', async (name, start) => {
    const cookie = await cookieOf({ ...STICKY, ...(name !== undefined && { 'session-cookie-name': name }) });
    expect(cookie?.startsWith(start)).toBe(true);
  });

  it('only the cookie of that name, in that spelling, is heeded', async () => {
    const asked = await sticky({ ...STICKY, 'session-cookie-name': 'route' });
    const sent = back(await asked.ask());
    await reaches(asked, 4, { fields: [sent.replace('route', 'ROUTE')] });
  });
});

describe('session-cookie-path', () => {
  it.each<[string, Annotations, IngressText, Question, string]>([
    ['absent: that of the Ingress', {}, { paths: ['/shop'] }, { path: '/shop/cart' }, 'Path=/shop; HttpOnly'],
    ['too long: that of the Ingress', { 'session-cookie-path': `/${'x'.repeat(2000)}` }, {}, {}, 'Path=/; HttpOnly'],
    ['given', { 'session-cookie-path': '/all' }, { paths: ['/shop'] }, { path: '/shop' }, 'Path=/all; HttpOnly'],
    ['the root', { 'session-cookie-path': '/' }, { paths: ['/shop'] }, { path: '/shop' }, 'Path=/; HttpOnly'],
    [
      'not of its characters: that of the Ingress',
      { 'session-cookie-path': '/a; Domain=evil.example' },
      {},
      {},
      'Path=/; HttpOnly',
    ],
  ])('%s', async (_, annotations, text, question, expected) => {
    expect(await attributes(annotations, text, question)).toBe(expected);
  });
});

describe('session-cookie-domain', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'Path=/; HttpOnly'],
    ['example.org', 'Domain=example.org; Path=/; HttpOnly'],
    ['.example.org', 'Domain=.example.org; Path=/; HttpOnly'],
    ['a b', 'Path=/; HttpOnly'],
    ['x; Secure', 'Path=/; HttpOnly'],
  ])('%j: %s', async (domain, expected) => {
    expect(await attributes(domain === undefined ? {} : { 'session-cookie-domain': domain })).toBe(expected);
  });
});

describe('session-cookie-expires', () => {
  it.each<[string, boolean]>([
    ['172800', true],
    ['0', true],
    ['-1', true],
    ['two days', false],
    ['1h', false],
    ['99999999999999999999', false],
  ])('%j', async (expires, has) => {
    const text = await attributes({ 'session-cookie-expires': expires });
    const date = /^Expires=(\w{3}), (\d\d)-(\w{3})-(\d\d) ([\d:]{8}) GMT; Path=/.exec(text);
    expect(date !== null).toBe(has);
    if (date === null) return expect(text).toBe('Path=/; HttpOnly');
    const [, , day, month, year, time] = date;
    const offBy = Date.parse(`${day} ${month} 20${year} ${time} GMT`) - Date.now() - Number(expires) * 1000;
    expect(Math.abs(offBy)).toBeLessThan(60_000);
  });
});

describe('session-cookie-max-age', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'Path=/; HttpOnly'],
    ['172800', 'Max-Age=172800; Path=/; HttpOnly'],
    ['0', 'Max-Age=0; Path=/; HttpOnly'],
    ['-1', 'Max-Age=-1; Path=/; HttpOnly'],
    ['1d', 'Path=/; HttpOnly'],
  ])('%j: %s', async (age, expected) => {
    expect(await attributes(age === undefined ? {} : { 'session-cookie-max-age': age })).toBe(expected);
  });
});

describe('session-cookie-samesite', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'Path=/; HttpOnly'],
    ['Lax', 'Path=/; HttpOnly; SameSite=Lax'],
    ['Strict', 'Path=/; HttpOnly; SameSite=Strict'],
    ['None', 'Path=/; HttpOnly; SameSite=None'],
    ['lax', 'Path=/; HttpOnly'],
    ['Sometimes', 'Path=/; HttpOnly'],
  ])('%j: %s', async (site, expected) => {
    expect(await attributes(site === undefined ? {} : { 'session-cookie-samesite': site })).toBe(expected);
  });

  it('is reported when it is not sent', () => {
    expect(problems({ ...STICKY, 'session-cookie-samesite': 'lax' })).toEqual(['AnnotationInvalid session-cookie-samesite']);
  });
});

describe('session-cookie-conditional-samesite-none', () => {
  const NONE = { 'session-cookie-samesite': 'None' };
  const OLD = 'User-Agent: Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 Chrome/57.0.2987.133 Safari/537.36';
  const NEW = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36';

  it.each<[string, Annotations, string[], string]>([
    ['absent: sent to all', NONE, [OLD], 'Path=/; HttpOnly; SameSite=None'],
    [
      'true: not to a browser that refuses it',
      { ...NONE, 'session-cookie-conditional-samesite-none': 'true' },
      [OLD],
      'Path=/; HttpOnly',
    ],
    [
      'true: but to others',
      { ...NONE, 'session-cookie-conditional-samesite-none': 'true' },
      [NEW],
      'Path=/; HttpOnly; SameSite=None',
    ],
    [
      'true: and to who says no browser',
      { ...NONE, 'session-cookie-conditional-samesite-none': 'true' },
      [],
      'Path=/; HttpOnly; SameSite=None',
    ],
    [
      'no boolean: false',
      { ...NONE, 'session-cookie-conditional-samesite-none': 'maybe' },
      [OLD],
      'Path=/; HttpOnly; SameSite=None',
    ],
  ])('%s', async (_, annotations, fields, expected) => {
    expect(await attributes(annotations, {}, { fields })).toBe(expected);
  });
});

describe('session-cookie-secure', () => {
  it.each<[string | undefined, boolean, string]>([
    [undefined, false, 'Path=/; HttpOnly'],
    [undefined, true, 'Path=/; Secure; HttpOnly'],
    ['true', false, 'Path=/; Secure; HttpOnly'],
    // "false" is as if it were absent: the field is left out of what ingress-nginx tells its lua (`omitempty`).
    ['false', true, 'Path=/; Secure; HttpOnly'],
    ['false', false, 'Path=/; HttpOnly'],
    ['maybe', false, 'Path=/; HttpOnly'],
  ])('%j, over TLS: %j: %s', async (secure, tls, expected) => {
    expect(await attributes(secure === undefined ? {} : { 'session-cookie-secure': secure }, {}, {}, tls)).toBe(expected);
  });

  it("is about the client's connection with us, not about what X-Forwarded-Proto says", async () => {
    expect(await attributes({}, {}, { fields: ['X-Forwarded-Proto: https'] })).toBe('Path=/; HttpOnly');
  });
});

describe('session-cookie-change-on-failure', () => {
  /** Two endpoints of which one is not there; a client that is pinned to it. */
  async function halfDead(annotations: Annotations): Promise<{ asked: Asking; toDead: string; alive: string }> {
    const living = await stage.backend(() => response('alive'));
    const dead = await freePort();
    const asked = await asking(stage, [...service('app', [living.port, dead]), ingress({ ...PERSISTENT, ...annotations })]);
    const of = (port: number): string => md5(`default-app-80127.0.0.1:${port}`);
    return { asked, toDead: `Cookie: INGRESSCOOKIE=${of(dead)}|${APP_KEY}`, alive: of(living.port) };
  }

  it.each<[string, Annotations, boolean]>([
    ['absent: the client stays, its session is nowhere else', {}, false],
    ['false', { 'session-cookie-change-on-failure': 'false' }, false],
    ['true: the client moves, and gets the cookie of the other endpoint', { 'session-cookie-change-on-failure': 'true' }, true],
    ['no boolean: false', { 'session-cookie-change-on-failure': 'maybe' }, false],
  ])('%s', async (_, annotations, moves) => {
    const { asked, toDead, alive } = await halfDead(annotations);
    const answer = await asked.ask({ fields: [toDead] });
    expect(answer.status).toBe(moves ? 200 : 502);
    expect(cookies(answer).map((cookie) => cookie.split('|')[0])).toEqual(moves ? [`INGRESSCOOKIE=${alive}`] : []);
  });

  it.each(['balanced', 'persistent'])(
    'a client without a cookie is sent elsewhere and gets the cookie of who answered: %s',
    async (mode) => {
      const { asked } = await halfDead({ 'affinity-mode': mode });
      for (let i = 0; i < 6; i++) {
        const answer = await asked.ask();
        expect([answer.status, answer.body, cookies(answer).length]).toEqual([200, 'alive', 1]);
        expect((await asked.ask({ fields: [back(answer)] })).status).toBe(200);
      }
    },
  );
});
