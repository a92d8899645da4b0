/** CORS: what browsers are told, golden requests and responses (reference §1 "CORS"; nginx.tmpl, "CORS"). */
import { afterEach, describe, expect, it } from 'vitest';
import { response } from '../support/proxy.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { site } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

const METHODS = 'GET, PUT, POST, DELETE, PATCH, OPTIONS';
const HEADERS = 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization';
const PREFLIGHT = 'OPTIONS / HTTP/1.1';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** The fields of CORS in a response: name without the prefix → values. */
function corsOf({ headers }: RawResponse): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  for (const [name, values] of headers) if (name.startsWith('access-control-')) found[name.slice(15)] = values;
  return found;
}

const DEFAULTS = {
  'allow-origin': ['*'],
  'allow-credentials': ['true'],
  'allow-methods': [METHODS],
  'allow-headers': [HEADERS],
  'max-age': ['1728000'],
};

describe('enable-cors', () => {
  it.each([
    ['absent', undefined, {}],
    ['"true"', 'true', DEFAULTS],
    ['"false"', 'false', {}],
    ['"yes", which is no boolean of Go', 'yes', {}],
    ['"1", which is one', '1', DEFAULTS],
    ['empty', '', {}],
  ])('%s', async (_, value, expected) => {
    const { ask } = await site(stage, value === undefined ? {} : { 'enable-cors': value });
    expect(corsOf(await ask(['Origin: https://a.example']))).toEqual(expected);
  });

  it('answers a preflight request itself: 204, with a media type and a length, and the backend hears nothing', async () => {
    const { ask, heads } = await site(stage, { 'enable-cors': 'true' });
    const answer = await ask(['Origin: https://a.example', 'Access-Control-Request-Method: PUT'], PREFLIGHT);
    expect(answer.head.split('\r\n').filter((line) => !line.startsWith('Date:'))).toEqual([
      'HTTP/1.1 204 No Content',
      'Content-Type: text/plain charset=UTF-8',
      'Content-Length: 0',
      'Access-Control-Allow-Origin: *',
      'Access-Control-Allow-Credentials: true',
      `Access-Control-Allow-Methods: ${METHODS}`,
      `Access-Control-Allow-Headers: ${HEADERS}`,
      'Access-Control-Max-Age: 1728000',
      'Connection: close',
      '',
      '',
    ]);
    expect(heads()).toEqual([]);
  });

  it('does so over HTTP/2', async () => {
    const { ask2 } = await site(stage, { 'enable-cors': 'true' });
    const { headers, body } = await ask2({ ':method': 'OPTIONS', origin: 'https://a.example' });
    expect(headers).toMatchObject({
      ':status': 204,
      'content-type': 'text/plain charset=UTF-8',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': METHODS,
    });
    expect(body).toHaveLength(0);
  });

  it('answers any OPTIONS request where every origin is allowed, with or without Origin', async () => {
    const { ask } = await site(stage, { 'enable-cors': 'true' });
    expect((await ask([], PREFLIGHT)).status).toBe(204);
  });

  it("§4, phase order: before the redirect to https, and before the backend's absence matters", async () => {
    const redirected = await site(stage, { 'enable-cors': 'true', 'force-ssl-redirect': 'true' });
    expect((await redirected.ask(['Origin: https://a.example'], PREFLIGHT)).status).toBe(204);
    const answer = await redirected.ask(['Origin: https://a.example']);
    expect([answer.status, corsOf(answer)]).toEqual([308, DEFAULTS]);
    const empty = await site(stage, { 'enable-cors': 'true' }, { empty: true });
    expect((await empty.ask([], PREFLIGHT)).status).toBe(204);
    const unavailable = await empty.ask();
    expect([unavailable.status, corsOf(unavailable)]).toEqual([503, DEFAULTS]);
  });

  it('replaces what the backend says, and leaves what it says beside that', async () => {
    const { ask, ask2 } = await site(
      stage,
      { 'enable-cors': 'true' },
      {
        answer: () =>
          response(
            'ok',
            'access-control-allow-origin: https://evil.example\r\nACCESS-CONTROL-ALLOW-METHODS: TRACE\r\nAccess-Control-Allow-Private-Network: true\r\nVary: Origin\r\n',
          ),
      },
    );
    const answer = await ask();
    expect(corsOf(answer)).toEqual({ ...DEFAULTS, 'allow-private-network': ['true'] });
    expect(answer.headers.get('vary')).toEqual(['Origin']);
    expect((await ask2()).headers['access-control-allow-origin']).toBe('*');
  });

  it('§4.5: holds for the default backend of the host, too', async () => {
    const { ask } = await site(stage, { 'enable-cors': 'true' }, { text: { paths: ['/app'] } });
    const answer = await ask([], 'GET /elsewhere HTTP/1.1');
    expect([answer.status, corsOf(answer)]).toEqual([404, DEFAULTS]);
  });

  it('says nothing where the route is denied', async () => {
    const { ask } = await site(stage, { 'enable-cors': 'true', 'enable-modsecurity': 'true' });
    const answer = await ask([], PREFLIGHT);
    expect([answer.status, corsOf(answer)]).toEqual([503, {}]);
  });
});

describe('cors-allow-origin', () => {
  const LIST = 'https://a.example, https://*.b.example:8443 ,null,http://127.0.0.1:3000,app://local';
  it.each([
    ['absent', undefined, 'https://a.example', '*'],
    ['"*"', '*', 'https://a.example', '*'],
    ['"*" beside others', 'https://a.example,*', 'https://b.example', '*'],
    ['a list', LIST, 'https://a.example', 'https://a.example'],
    ['a list', LIST, 'HTTPS://A.Example', 'HTTPS://A.Example'],
    ['a list', LIST, 'https://a.example:443', undefined],
    ['a list', LIST, 'http://a.example', undefined],
    ['a list', LIST, 'https://a.example.evil.example', undefined],
    ['a list', LIST, 'https://evil.example?https://a.example', undefined],
    ['a list', LIST, 'https://eviltest-a.example', undefined],
    ['a list', LIST, 'https://x.b.example:8443', 'https://x.b.example:8443'],
    ['a list', LIST, 'https://x.y.b.example:8443', undefined],
    ['a list', LIST, 'https://b.example:8443', undefined],
    ['a list', LIST, 'https://.b.example:8443', undefined],
    ['a list', LIST, 'https://x_y.b.example:8443', undefined],
    ['a list', LIST, 'https://x.b.example', undefined],
    ['a list', LIST, 'evilx://x.b.example:8443', undefined],
    ['a list', LIST, 'null', 'null'],
    ['a list', LIST, 'https://devnull', undefined],
    ['a list', LIST, 'app://local', 'app://local'],
    ['a list', LIST, 'http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['a list', LIST, 'http://127x0.0.1:3000', undefined],
    ['a list that ends in a comma', 'https://a.example,', 'https://b.example', undefined],
    ['a list with an item that is none', 'https://a.example, evil', 'https://a.example', 'https://a.example'],
    ['nothing but bad items', 'a.example', 'a.example', undefined],
    ['a pattern', 'https://(.*)', 'https://x', undefined],
    ['control characters', 'https://a.example\r\nX-Evil: 1', 'https://a.example', undefined],
  ])('%s: %s lets %s in as %s', async (_, value, origin, allowed) => {
    const { ask } = await site(stage, { 'enable-cors': 'true', ...(value !== undefined && { 'cors-allow-origin': value }) });
    const answer = await ask([`Origin: ${origin}`]);
    expect(corsOf(answer)['allow-origin']).toEqual(allowed === undefined ? undefined : [allowed]);
    expect(answer.headers.has('x-evil')).toBe(false);
    expect((await ask([`Origin: ${origin}`], PREFLIGHT)).status).toBe(allowed === undefined ? 200 : 204);
  });

  it('takes 64 KiB of labels, which nobody comes from', async () => {
    const { ask } = await site(stage, { 'enable-cors': 'true', 'cors-allow-origin': `https://${'a.'.repeat(32_768)}` });
    expect(corsOf(await ask(['Origin: https://a.example']))).toEqual({});
  });

  it('adds nothing without a match, and sends OPTIONS on', async () => {
    const { ask, heads } = await site(stage, { 'enable-cors': 'true', 'cors-allow-origin': 'https://a.example' });
    expect(corsOf(await ask(['Origin: https://b.example']))).toEqual({});
    expect(corsOf(await ask())).toEqual({});
    expect(corsOf(await ask(['Origin: https://b.example'], PREFLIGHT))).toEqual({});
    expect(heads().at(-1)![0]).toBe(PREFLIGHT);
  });

  it('takes two Origin fields for none', async () => {
    const { ask } = await site(stage, { 'enable-cors': 'true', 'cors-allow-origin': 'https://a.example' });
    expect(corsOf(await ask(['Origin: https://a.example', 'Origin: https://a.example']))).toEqual({});
  });

  it('a value that is no text allows nobody, and bad items are reported', async () => {
    const { ask, diagnostics } = await site(stage, { 'enable-cors': 'true', 'cors-allow-origin': 7 });
    expect(corsOf(await ask(['Origin: https://a.example']))).toEqual({});
    expect(diagnostics.map(({ severity, served }) => [severity, served])).toEqual([
      ['error', 'No origin is allowed: nothing is added to responses, and preflight requests go to the backend.'],
    ]);
  });

  it('an Origin made to stop a backtracking matcher is an Origin like any other', async () => {
    const { ask } = await site(stage, {
      'enable-cors': 'true',
      'cors-allow-origin': 'https://*.a.example,https://*.b.example',
    });
    expect(corsOf(await ask([`Origin: https://${'a-'.repeat(3500)}!.a.example`]))).toEqual({});
  });
});

const CASES = [
  {
    name: 'cors-allow-methods',
    field: 'allow-methods',
    fallback: METHODS,
    good: ['GET', 'GET, POST,PUT', 'get post'],
    bad: ['GET; POST', 'GET\tPOST\u0001', '*', `${'A'.repeat(65_536)}!`, '"GET"', '{}'],
  },
  {
    name: 'cors-allow-headers',
    field: 'allow-headers',
    fallback: HEADERS,
    good: ['X-A', 'X-A, X_B,X-C', `X-${'a'.repeat(4096)}`],
    bad: ['*', 'X-A; X-B', 'X-A"', 'X-A\u0000', '{X-A}'],
  },
  {
    name: 'cors-expose-headers',
    field: 'expose-headers',
    fallback: undefined,
    good: ['*', 'X-A', 'X-A, X-B', '*, X-A'],
    bad: ['X-A;', '"X-A"', `${'A,'.repeat(32_768)}!`, '{}', 'X-\u007f'],
  },
  {
    name: 'cors-max-age',
    field: 'max-age',
    fallback: '1728000',
    good: ['600', '0', '-1'],
    bad: ['10m', '1.5', '0x10', 'forever', '9'.repeat(65_536)],
  },
  {
    name: 'cors-allow-credentials',
    field: 'allow-credentials',
    fallback: 'true',
    good: ['true'],
    bad: ['maybe', '"true"', '{}', '\u0001', '1'.repeat(65_536)],
  },
];

describe.each(CASES)('$name', ({ name, field, fallback, good, bad }) => {
  const shown = async (value: unknown): Promise<{ got: string | undefined; reports: number }> => {
    const { ask, diagnostics } = await site(stage, { 'enable-cors': 'true', ...(value !== undefined && { [name]: value }) });
    return { got: corsOf(await ask())[field]?.[0], reports: diagnostics.length };
  };

  it('default', async () => {
    expect(await shown(undefined)).toEqual({ got: fallback, reports: 0 });
    // As in Go, the empty text is no boolean.
    expect(await shown('')).toEqual({ got: fallback, reports: name === 'cors-allow-credentials' ? 1 : 0 });
  });

  it('typical and edge values are sent as they are', async () => {
    for (const value of good) expect(await shown(value)).toEqual({ got: value, reports: 0 });
  });

  it('what is none costs the default, and is reported', async () => {
    for (const value of bad)
      expect([value.slice(0, 20), await shown(value)]).toEqual([value.slice(0, 20), { got: fallback, reports: 1 }]);
  });

  it('a value that is no text is none', async () => {
    expect(await shown(['x'])).toEqual({ got: fallback, reports: 1 });
  });
});

describe('cors-allow-credentials: false', () => {
  it("sends nothing of it, and lets the backend's through", async () => {
    const answer = (): string => response('ok', 'Access-Control-Allow-Credentials: true\r\n');
    const { ask } = await site(stage, { 'enable-cors': 'true', 'cors-allow-credentials': 'false' });
    expect(corsOf(await ask())['allow-credentials']).toBeUndefined();
    const other = await site(stage, { 'enable-cors': 'true', 'cors-allow-credentials': 'false' }, { answer });
    expect(corsOf(await other.ask())['allow-credentials']).toEqual(['true']);
  });
});
