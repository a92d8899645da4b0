/** Header fields that are set: the annotation `custom-headers`, and ConfigMap `add-headers`, `proxy-set-headers` and `hide-headers`. */
import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { site, valuesOf, type Site } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const ALLOWED = { globalAllowedResponseHeaders: ['X-Frame-Options', 'x-team', 'Server', 'Content-Type', 'Date'] };

function custom(data: Record<string, string>, more: Parameters<typeof site>[2] = {}): Promise<Site> {
  return site(stage, { 'custom-headers': 'headers' }, { translate: ALLOWED, objects: [configMap('headers', data)], ...more });
}

describe('custom-headers', () => {
  it('default: absent or empty, nothing is set', async () => {
    for (const annotations of [{}, { 'custom-headers': '' }]) {
      const { ask } = await site(stage, annotations, { translate: ALLOWED });
      expect((await ask()).headers.has('x-team')).toBe(false);
    }
  });

  it("typical: the fields of the ConfigMap are in every response, in place of the backend's", async () => {
    const { ask, ask2 } = await custom(
      { 'X-Team': 'blue', 'X-Frame-Options': 'DENY' },
      { answer: () => response('ok', 'x-team: red\r\nX-Team: green\r\nX-Other: 1\r\n') },
    );
    const { headers } = await ask();
    expect([headers.get('x-team'), headers.get('x-frame-options'), headers.get('x-other')]).toEqual([
      ['blue'],
      ['DENY'],
      ['1'],
    ]);
    expect((await ask2()).headers).toMatchObject({ 'x-team': 'blue', 'x-frame-options': 'DENY', 'x-other': '1' });
  });

  it('in answers of our own, too: redirects and errors', async () => {
    const redirected = await site(
      stage,
      { 'custom-headers': 'default/headers', 'force-ssl-redirect': 'true' },
      { translate: ALLOWED, objects: [configMap('headers', { 'X-Team': 'blue' })] },
    );
    const answer = await redirected.ask();
    expect([answer.status, answer.headers.get('x-team')]).toEqual([308, ['blue']]);
    const empty = await custom({ 'X-Team': 'blue' }, { empty: true });
    const failed = await empty.ask();
    expect([failed.status, failed.headers.get('x-team')]).toEqual([503, ['blue']]);
  });

  it('edge: Content-Type, Server and Date are replaced, each said once', async () => {
    const data = { 'Content-Type': 'text/x-mine', Server: 'mine', Date: 'Thu, 01 Jan 1970 00:00:00 GMT' };
    const { ask, ask2 } = await custom(data, {
      answer: () => response('ok', 'Content-Type: text/plain\r\nServer: theirs\r\n'),
    });
    const { headers } = await ask();
    expect([headers.get('content-type'), headers.get('server'), headers.get('date')]).toEqual([
      ['text/x-mine'],
      ['mine'],
      ['Thu, 01 Jan 1970 00:00:00 GMT'],
    ]);
    expect((await ask2()).headers).toMatchObject({ 'content-type': 'text/x-mine', server: 'mine' });
    const empty = await custom(data, { empty: true });
    const failed = await empty.ask();
    expect([failed.headers.get('content-type'), failed.headers.get('server')]).toEqual([['text/x-mine'], ['mine']]);
    expect(failed.headers.get('date')).toHaveLength(1);
  });

  it('edge: "$" is a character', async () => {
    const { ask } = await custom({ 'X-Team': 'costs $5 for $host' });
    expect((await ask()).headers.get('x-team')).toEqual(['costs $5 for $host']);
  });

  it('a ConfigMap of another namespace can be named', async () => {
    const object = configMap('headers', { 'X-Team': 'blue' });
    const elsewhere = { ...object, metadata: { ...object.metadata, namespace: 'shared' } };
    const { ask } = await site(stage, { 'custom-headers': 'shared/headers' }, { translate: ALLOWED, objects: [elsewhere] });
    expect((await ask()).headers.get('x-team')).toEqual(['blue']);
  });

  it.each([
    ['no such ConfigMap', 'missing', {}],
    ['no name', 'a b', {}],
    ['three parts', 'a/b/c', {}],
    ['a path out', '../headers', {}],
    ['64 KiB', 'a'.repeat(65_536), {}],
    ['no text', { name: 'headers' }, {}],
    ['a field that is not allowed', 'headers', { 'X-Other': '1' }],
    ['one field of several that is not allowed', 'headers', { 'X-Team': '1', 'X-Other': '1' }],
    ['a name that is none', 'headers', { 'X.Team': '1' }],
    ['a value of two lines', 'headers', { 'X-Team': 'a\r\nX-Evil: 1' }],
    ['a value with NUL', 'headers', { 'X-Team': 'a\u0000' }],
    ['an empty value', 'headers', { 'X-Team': '' }],
    ['a field of the connection', 'headers', { Connection: 'close' }],
    ['the framing', 'headers', { 'Transfer-Encoding': 'chunked' }],
  ])('invalid, %s: 503, and an error that names it', async (_, value, data) => {
    const translate = { globalAllowedResponseHeaders: ['X-Team', 'Connection', 'Transfer-Encoding', 'X.Team'] };
    const objects = [configMap('headers', data)];
    const { ask, heads, diagnostics } = await site(stage, { 'custom-headers': value }, { translate, objects });
    const answer = await ask();
    expect([answer.status, answer.headers.has('x-evil'), heads()]).toEqual([503, false, []]);
    expect(diagnostics.filter(({ severity }) => severity === 'error').length).toBeGreaterThan(0);
    expect(diagnostics[0]!.field).toContain('custom-headers');
  });

  it('Strict-Transport-Security is sent once: that of the route, where it has one', async () => {
    const translate = { globalAllowedResponseHeaders: ['strict-transport-security'] };
    const objects = [configMap('headers', { 'Strict-Transport-Security': 'max-age=1' })];
    const { ask2, ask } = await site(stage, { 'custom-headers': 'headers' }, { translate, objects });
    expect((await ask2()).headers['strict-transport-security']).toBe('max-age=1');
    expect((await ask()).headers.get('strict-transport-security')).toEqual(['max-age=1']);
  });
});

describe('ConfigMap add-headers', () => {
  const addHeaders = { namespace: 'default', name: 'added' };

  it('sets its fields in all responses, with variables of nginx, also where there is no Ingress', async () => {
    const objects = [configMap('added', { 'X-Zone': 'a', 'X-Asked': '$request_method $http_x_odd ${host}', 'X-Empty': '' })];
    const { ask, ask2, proxy } = await site(
      stage,
      {},
      { translate: { addHeaders }, objects, answer: () => response('ok', 'X-Zone: b\r\nX-Empty: 1\r\n') },
    );
    const { headers } = await ask(['X-Odd: 1\t2']);
    expect([headers.get('x-zone'), headers.get('x-asked'), headers.has('x-empty')]).toEqual([
      ['a'],
      ['GET 1\t2 app.example'],
      false,
    ]);
    expect((await ask2()).headers['x-asked']).toBe('GET  app.example');
    const client = await stage.client(proxy.port);
    const nobody = await client.request('GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n');
    expect([nobody.status, nobody.headers.get('x-zone')]).toEqual([404, ['a']]);
  });

  it('a field that an answer of our own has is replaced, too', async () => {
    const objects = [configMap('added', { Location: 'https://elsewhere.example/' })];
    const { ask } = await site(stage, { 'force-ssl-redirect': 'true' }, { translate: { addHeaders }, objects });
    const { status, headers } = await ask();
    expect([status, headers.get('location')]).toEqual([308, ['https://elsewhere.example/']]);
  });

  it('custom-headers wins over it, and CORS does', async () => {
    const objects = [
      configMap('added', { 'X-Team': 'red', 'Access-Control-Max-Age': '1' }),
      configMap('headers', { 'X-Team': 'blue' }),
    ];
    const { ask } = await site(
      stage,
      { 'custom-headers': 'headers', 'enable-cors': 'true' },
      { translate: { addHeaders, ...ALLOWED }, objects },
    );
    const { headers } = await ask();
    expect([headers.get('x-team'), headers.get('access-control-max-age')]).toEqual([['blue'], ['1728000']]);
  });

  it('what cannot be set is left out and reported, of the ConfigMap, once; a missing one is reported', async () => {
    const objects = [configMap('added', { 'X-Good': '1', 'Content-Length': '0', 'X-Unknown': '$nosuch', 'X-Line': 'a\nb' })];
    const { ask, diagnostics } = await site(stage, {}, { translate: { addHeaders }, objects });
    const { headers, body } = await ask();
    expect([headers.get('x-good'), headers.get('content-length'), body]).toEqual([['1'], ['2'], 'ok']);
    expect(headers.has('x-unknown') || headers.has('x-line')).toBe(false);
    expect(diagnostics.map(({ code, object, field }) => [code, object.kind, field])).toEqual([
      ['ConfigMapInvalid', 'ConfigMap', 'data["Content-Length"]'],
      ['ConfigMapInvalid', 'ConfigMap', 'data["X-Line"]'],
      ['ConfigMapInvalid', 'ConfigMap', 'data["X-Unknown"]'],
    ]);
    const missing = await site(stage, {}, { translate: { addHeaders } });
    expect([(await missing.ask()).status, missing.diagnostics.map(({ code }) => code)]).toEqual([200, ['ConfigMapNotFound']]);
  });

  it('text beyond Latin-1 goes out as UTF-8, beside what a client sent as bytes', async () => {
    const objects = [configMap('added', { 'X-Name': 'à $http_x_name ž' })];
    const { ask } = await site(stage, {}, { translate: { addHeaders }, objects });
    const [name] = (await ask(['X-Name: \u00e9'])).headers.get('x-name')!;
    expect(name).toBe(`${Buffer.from('à').toString('latin1')} \u00e9 ${Buffer.from('ž').toString('latin1')}`);
  });
});

describe('ConfigMap proxy-set-headers', () => {
  const proxySetHeaders = { namespace: 'default', name: 'set' };

  it("sets its fields in requests to backends, in place of the client's and of our own", async () => {
    const objects = [configMap('set', { 'X-Real-IP': '9.9.9.9', 'X-Tenant': '$http_x_tenant;$namespace', 'X-Gone': '' })];
    const { ask, heads } = await site(stage, {}, { translate: { proxySetHeaders }, objects });
    await ask(['X-Tenant: evil', 'X-Gone: 1', 'X-Kept: 1']);
    const [head] = heads();
    expect(['x-real-ip', 'x-tenant', 'x-gone', 'x-kept'].map((name) => valuesOf(head!, name))).toEqual([
      ['9.9.9.9'],
      ['evil;default'],
      [],
      ['1'],
    ]);
  });

  it('never the framing', async () => {
    const objects = [configMap('set', { 'Content-Length': '1', Host: 'evil', 'X-Good': '1' })];
    const { ask, heads } = await site(stage, {}, { translate: { proxySetHeaders }, objects });
    await ask(['Content-Length: 2'], 'POST / HTTP/1.1', 'ab');
    expect(valuesOf(heads()[0]!, 'content-length')).toEqual(['2']);
    expect(valuesOf(heads()[0]!, 'host')).toEqual(['app.example']);
    expect(valuesOf(heads()[0]!, 'x-good')).toEqual(['1']);
  });
});

describe('ConfigMap hide-headers', () => {
  it("takes the backend's fields out, and leaves our own", async () => {
    const answer = (): string => response('ok', 'X-Powered-By: php\r\nX-AspNet-Version: 4\r\nX-Kept: 1\r\nLocation: /x\r\n');
    const translate = { hideHeaders: ['X-Powered-By', 'x-aspnet-version', 'Location'] };
    const { ask, ask2 } = await site(stage, {}, { translate, answer });
    const { headers } = await ask();
    expect(['x-powered-by', 'x-aspnet-version', 'location', 'x-kept'].map((name) => headers.has(name))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect((await ask2()).headers).not.toHaveProperty('x-powered-by');
    const redirected = await site(stage, { 'force-ssl-redirect': 'true' }, { translate });
    expect((await redirected.ask()).headers.get('location')).toEqual(['https://app.example']);
  });
});
