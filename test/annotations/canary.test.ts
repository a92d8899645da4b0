/** `canary` and its rules: which requests go to the alternative, and which Services have one. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { Recorder } from '../../src/proxy/record/recorder.ts';
import { asking, counted, namedService, seeded, type Asking, type Question } from '../support/balance.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, service, translated, type IngressText } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
  vi.restoreAllMocks();
});

const CANARY: IngressText = { name: 'web-canary', service: 'next', created: '2025-02-01T00:00:00Z' };
type Annotations = Readonly<Record<string, string>>;

/** `app` is what the host serves, `next` its canary by these annotations. */
async function withCanary(annotations: Annotations, more: readonly KubeObject[] = []): Promise<Asking> {
  const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
  return asking(stage, [...services, ingress({}), ingress({ canary: 'true', ...annotations }, CANARY), ...more]);
}

/** Who answers one request. */
async function answers(annotations: Annotations, question: Question = {}): Promise<string> {
  return (await (await withCanary(annotations)).ask(question)).body;
}

/** What is wrong with a canary of these annotations. */
function problems(annotations: Annotations): string[] {
  const objects = [
    ...service('app', [1]),
    ...service('next', [1]),
    ingress({}),
    ingress({ canary: 'true', ...annotations }, CANARY),
  ];
  return translated(objects).diagnostics.map(({ code, field }) => `${code} ${field.replace(/.*\/(.*)]/, '$1')}`);
}

/** From now on chance is always this: a number from 0 to 1. Before the plane starts. */
function chance(value: number): void {
  vi.spyOn(Math, 'random').mockReturnValue(value);
}

const ALL = { 'canary-weight': '100' };

describe('canary', () => {
  it.each<[string, string, 'app' | 'next']>([
    ['true', 'all requests can go to it', 'next'],
    ['T', 'as Go reads a boolean', 'next'],
    ['false', 'served like any other Ingress: the older one has the path', 'app'],
    ['yes please', 'no boolean: as if it were absent', 'app'],
    ['', 'empty: as if it were absent', 'app'],
  ])('%j: %s', async (canary, _, body) => {
    expect(await answers({ ...ALL, canary })).toBe(body);
  });

  it('without a rule takes no request', async () => {
    expect(await (await withCanary({})).names(5)).toEqual(Array(5).fill('app'));
  });

  it('other annotations of it have no effect: those of the Ingress it is an alternative to hold', async () => {
    const { ask, diagnostics } = await withCanary({
      ...ALL,
      'auth-type': 'basic',
      'force-ssl-redirect': 'true',
      'default-backend': 'app',
      'backend-protocol': 'nonsense',
      'ssl-passthrough': 'nonsense',
    });
    const { status, body } = await ask();
    expect([status, body]).toEqual([200, 'next']);
    expect(diagnostics).toEqual([]);
  });

  it('the annotations of the other Ingress hold for its requests: it is no way around them', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const primary = ingress({ 'force-ssl-redirect': 'true' });
    const { ask } = await asking(stage, [...services, primary, ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect((await ask()).status).toBe(308);
    const denied = ingress({ 'proxy-ssl-secret': 'default/missing' });
    const closed = await asking(stage, [...services, denied, ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect((await closed.ask()).status).toBe(503);
  });

  it('while its Service has no endpoint, the other takes all', async () => {
    const objects = [...(await namedService(stage, 'app')), ...service('next', [])];
    const { names } = await asking(stage, [...objects, ingress({}), ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect(await names(3)).toEqual(['app', 'app', 'app']);
  });

  it('while the other has no endpoint, it takes none: 503, as in ingress-nginx', async () => {
    const objects = [...service('app', []), ...(await namedService(stage, 'next'))];
    const { ask } = await asking(stage, [...objects, ingress({}), ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect((await ask()).status).toBe(503);
  });

  it('while the other has no endpoint, its default-backend stands in for it, and the canary beside that', async () => {
    const heads: string[] = [];
    const named = (name: string) => stage.backend((head) => (heads.push(head), response(name)));
    const [spare, next] = [await named('spare'), await named('next')];
    const services = [...service('app', []), ...service('spare', [spare.port]), ...service('next', [next.port])];
    const canary = ingress({ canary: 'true', 'canary-by-header': 'X-Canary' }, CANARY);
    const { ask } = await asking(stage, [...services, ingress({ 'default-backend': 'spare' }), canary]);
    expect((await ask()).body).toBe('spare');
    expect((await ask({ fields: ['X-Canary: always'] })).body).toBe('next');
    // Only who stands in is told so.
    expect(heads.map((head) => head.includes('X-Code: 503'))).toEqual([true, false]);
  });

  it('is spoken to as the annotations of the other say', async () => {
    const next = await stage.backend(() => response('next'));
    const objects = [
      ...(await namedService(stage, 'app')),
      ...service('next', [next.port]),
      ingress({ 'backend-protocol': 'AUTO_HTTP' }),
      ingress({ canary: 'true', ...ALL }, CANARY),
    ];
    expect((await (await asking(stage, objects)).ask()).body).toBe('next');
    // Who comes by TLS is sent on by TLS.
    const answer = (await asking(stage, objects, {}, true)).ask();
    await eventually(() => next.received.at(-1)?.startsWith('\u0016') === true);
    for (const socket of next.sockets) socket.destroy();
    expect((await answer).status).toBe(502);
  });

  it.each<[string, IngressText]>([
    ['another host', { host: 'other.example' }],
    ['another path', { paths: ['/other'] }],
    ['another pathType', { paths: [{ path: '/', pathType: 'Exact' }] }],
  ])('for %s it serves nothing, and says so', async (_, text) => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const canary = ingress({ canary: 'true', ...ALL }, { ...CANARY, ...text });
    const { ask, diagnostics } = await asking(stage, [...services, ingress({}), canary]);
    expect((await ask()).body).toBe('app');
    expect((await ask({ host: 'other.example', path: '/other' })).status).toBe(404);
    expect(diagnostics.map(({ code, field }) => [code, field])).toEqual([
      ['CanaryUnmatched', 'spec.rules[0].http.paths[0].path'],
    ]);
  });

  it('ImplementationSpecific and Prefix are the same pathType', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const canary = ingress(
      { canary: 'true', ...ALL },
      { ...CANARY, paths: [{ path: '/', pathType: 'ImplementationSpecific' }] },
    );
    expect((await (await asking(stage, [...services, ingress({}), canary])).ask()).body).toBe('next');
  });

  it('of the same Service is none', () => {
    const objects = [...service('app', [1]), ingress({}), ingress({ canary: 'true', ...ALL }, { ...CANARY, service: 'app' })];
    expect(translated(objects).diagnostics.map(({ code }) => code)).toEqual(['CanaryConflict', 'CanaryConflict']);
  });

  it('as default backend it is the alternative of what the catch-all host serves', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const backend = (name: string) => ({
      defaultBackend: { service: { name, port: { number: 80 } } },
      ingressClassName: 'nginx',
    });
    const catchAll = { ...ingress({}), spec: backend('app') };
    const canary = { ...ingress({ canary: 'true', ...ALL }, CANARY), spec: backend('next') };
    const { ask, diagnostics } = await asking(stage, [...services, catchAll, canary]);
    expect((await ask({ host: 'unknown.example' })).body).toBe('next');
    expect(diagnostics).toEqual([]);
  });

  it('is never the alternative of --default-backend-service', async () => {
    const services = [
      ...(await namedService(stage, 'app')),
      ...(await namedService(stage, 'next')),
      ...(await namedService(stage, 'default')),
    ];
    const primary = ingress({}, { paths: ['/app'] });
    const canary = ingress({ canary: 'true', ...ALL }, CANARY);
    const translate = { defaultBackendService: { namespace: 'default', name: 'default' } };
    const { ask, diagnostics } = await asking(stage, [...services, primary, canary], { translate });
    expect((await ask()).body).toBe('default');
    expect(diagnostics.map(({ code }) => code)).toEqual(['CanaryUnmatched']);
  });

  it('a Service has one canary: that of the oldest Ingress', async () => {
    const services = await Promise.all(['app', 'next', 'third'].map((name) => namedService(stage, name)));
    const second = ingress({ canary: 'true', ...ALL }, { name: 'late', service: 'third', created: '2025-03-01T00:00:00Z' });
    const { ask, diagnostics } = await asking(stage, [
      ...services.flat(),
      ingress({}),
      second,
      ingress({ canary: 'true', ...ALL }, CANARY),
    ]);
    expect((await ask()).body).toBe('next');
    expect(diagnostics).toMatchObject([{ code: 'CanaryConflict', object: { name: 'late' } }]);
  });

  it('§4.4: for /a shifts the requests of every other path and host with the same Service port', async () => {
    const services = [
      ...(await namedService(stage, 'app')),
      ...(await namedService(stage, 'next')),
      ...(await namedService(stage, 'other')),
    ];
    const primary = ingress({}, { paths: ['/a', '/b', { path: '/c', service: 'other' }] });
    const elsewhere = ingress({}, { name: 'elsewhere', host: 'other.example' });
    const canary = ingress({ canary: 'true', ...ALL }, { ...CANARY, paths: ['/a'] });
    const { ask } = await asking(stage, [...services, primary, elsewhere, canary]);
    expect((await ask({ path: '/a' })).body).toBe('next');
    expect((await ask({ path: '/b' })).body).toBe('next');
    expect((await ask({ host: 'other.example' })).body).toBe('next');
    expect((await ask({ path: '/c' })).body).toBe('other');
  });

  it('§4.4: its rules are those of the first Ingress that names its Service port', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const other = ingress({}, { name: 'zz', host: 'z.example', service: 'next', created: '2025-01-15T00:00:00Z' });
    const older = await asking(stage, [...services, ingress({}), other, ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect((await older.ask()).body).toBe('app');
    expect(older.diagnostics).toMatchObject([{ code: 'CanaryConflict', object: { name: 'web-canary' } }]);
    // An older canary makes the Service port one; the Ingress that serves it otherwise is served all the same.
    const younger = ingress({}, { name: 'zz', host: 'z.example', service: 'next', created: '2025-03-01T00:00:00Z' });
    const { ask } = await asking(stage, [...services, ingress({}), younger, ingress({ canary: 'true', ...ALL }, CANARY)]);
    expect((await ask()).body).toBe('next');
    expect((await ask({ host: 'z.example' })).body).toBe('next');
  });

  it('§4.2 and §4.3: takes no path from others, however old it is', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const oldest = ingress({ canary: 'true' }, { ...CANARY, created: '2024-01-01T00:00:00Z' });
    const { ask, diagnostics } = await asking(stage, [...services, ingress({}), oldest]);
    expect((await ask()).body).toBe('app');
    expect(diagnostics).toEqual([]);
  });

  it('is named in what becomes of the request: the upstream is still the other', async () => {
    const names: string[] = [];
    vi.spyOn(Recorder.prototype, 'record').mockImplementation(({ alternativeName }) => void names.push(alternativeName));
    const { ask } = await withCanary({ 'canary-by-header': 'X-Canary' });
    await ask({ fields: ['X-Canary: always'] });
    await ask({ fields: ['X-Canary: never'] });
    await ask({ host: 'unknown.example' });
    expect(names).toEqual(['default-next-80', '', '']);
  });
});

describe('canary-by-header', () => {
  it('is heeded as more_set_input_headers and its like have the field', async () => {
    const services = [...(await namedService(stage, 'app')), ...(await namedService(stage, 'next'))];
    const snippet = 'more_clear_input_headers X-Canary; if ($arg_next) { more_set_input_headers "X-Canary: always"; }';
    const { ask } = await asking(
      stage,
      [
        ...services,
        ingress({ 'configuration-snippet': snippet }),
        ingress({ canary: 'true', 'canary-by-header': 'X-Canary' }, CANARY),
      ],
      { translate: { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' } },
    );
    expect((await ask({ fields: ['X-Canary: always'] })).body).toBe('app');
    expect((await ask({ path: '/?next=1' })).body).toBe('next');
  });

  it.each<[string, Annotations, string[], 'app' | 'next']>([
    ['absent: always is just a word', {}, ['X-Canary: always'], 'app'],
    ['always', { 'canary-by-header': 'X-Canary' }, ['X-Canary: always'], 'next'],
    ['never, though all weight is on the canary', { ...ALL, 'canary-by-header': 'X-Canary' }, ['X-Canary: never'], 'app'],
    ['in any case, as fields are', { 'canary-by-header': 'x-CANARY' }, ['X-Canary: always'], 'next'],
    ['but not its value', { 'canary-by-header': 'X-Canary' }, ['X-Canary: Always'], 'app'],
    ['another value: the next rule decides', { ...ALL, 'canary-by-header': 'X-Canary' }, ['X-Canary: maybe'], 'next'],
    ['the field is absent: the next rule decides', { ...ALL, 'canary-by-header': 'X-Canary' }, [], 'next'],
    [
      'twice is "never, always": the next rule decides',
      { ...ALL, 'canary-by-header': 'X-Canary' },
      ['X-Canary: never', 'X-Canary: always'],
      'next',
    ],
    ['"_" stands for "-", as in variables of nginx', { 'canary-by-header': 'X_Canary' }, ['X-Canary: always'], 'next'],
    ['no name of a field: never looked at', { 'canary-by-header': 'X Canary;' }, ['X-Canary: always'], 'app'],
    [
      'goes before the cookie',
      { 'canary-by-header': 'X-Canary', 'canary-by-cookie': 'c' },
      ['X-Canary: never', 'Cookie: c=always'],
      'app',
    ],
  ])('%s', async (_, annotations, fields, body) => {
    expect(await answers(annotations, { fields })).toBe(body);
  });

  it('is reported when it is none', () => {
    expect(problems({ 'canary-by-header': '"; x' })).toEqual(['AnnotationInvalid canary-by-header']);
  });
});

describe('canary-by-header-value', () => {
  const HEADER = { 'canary-by-header': 'X-Canary', 'canary-by-header-value': 'eu-1' };

  it.each<[string, Annotations, string[], 'app' | 'next']>([
    ['absent: always decides', { 'canary-by-header': 'X-Canary' }, ['X-Canary: always'], 'next'],
    ['the very value', HEADER, ['X-Canary: eu-1'], 'next'],
    ['another: the next rule decides', { ...HEADER, ...ALL }, ['X-Canary: eu-2'], 'next'],
    ['part of it is not it', HEADER, ['X-Canary: eu-10'], 'app'],
    ['always is nothing special then', HEADER, ['X-Canary: always'], 'app'],
    ['nor is never', { ...HEADER, ...ALL }, ['X-Canary: never'], 'next'],
    ['without canary-by-header nothing', { 'canary-by-header-value': 'eu-1' }, ['X-Canary: eu-1'], 'app'],
    ['not of its characters: always decides', { ...HEADER, 'canary-by-header-value': 'a b' }, ['X-Canary: always'], 'next'],
  ])('%s', async (_, annotations, fields, body) => {
    expect(await answers(annotations, { fields })).toBe(body);
  });
});

describe('canary-by-header-pattern', () => {
  const PATTERN = { 'canary-by-header': 'X-Canary', 'canary-by-header-pattern': 'eu-[0-9]+' };

  it.each<[string, Annotations, string[], 'app' | 'next']>([
    ['absent: always decides', { 'canary-by-header': 'X-Canary' }, ['X-Canary: always'], 'next'],
    ['found', PATTERN, ['X-Canary: eu-17'], 'next'],
    ['found anywhere', PATTERN, ['X-Canary: my-eu-17-zone'], 'next'],
    ['anchored by its own anchors', { ...PATTERN, 'canary-by-header-pattern': '^eu$' }, ['X-Canary: my-eu'], 'app'],
    ['not found: the next rule decides', { ...PATTERN, ...ALL }, ['X-Canary: us-1'], 'next'],
    ['always is nothing special then', PATTERN, ['X-Canary: always'], 'app'],
    ['is left out where there is a value', { ...PATTERN, 'canary-by-header-value': 'x' }, ['X-Canary: eu-17'], 'app'],
    [
      'that is none: with the field not to the canary, whatever else',
      { ...PATTERN, ...ALL, 'canary-by-header-pattern': '(' },
      ['X-Canary: eu-17'],
      'app',
    ],
    [
      'that is none: without the field the next rule decides',
      { ...PATTERN, ...ALL, 'canary-by-header-pattern': '(' },
      [],
      'next',
    ],
    [
      'that backtracks: refused, no match',
      { ...PATTERN, 'canary-by-header-pattern': '(a+)+(?=b)' },
      ['X-Canary: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'],
      'app',
    ],
  ])('%s', async (_, annotations, fields, body) => {
    expect(await answers(annotations, { fields })).toBe(body);
  });

  it('is reported when it is none', () => {
    expect(problems({ ...PATTERN, 'canary-by-header-pattern': '(' })).toEqual(['AnnotationInvalid canary-by-header-pattern']);
    expect(problems({ ...PATTERN, 'canary-by-header-pattern': 'x'.repeat(65_536) })).toHaveLength(1);
  });
});

describe('canary-by-cookie', () => {
  const COOKIE = { 'canary-by-cookie': 'canary' };

  it.each<[string, Annotations, string[], 'app' | 'next']>([
    ['absent: always is just a cookie', {}, ['Cookie: canary=always'], 'app'],
    ['always', COOKIE, ['Cookie: a=b; canary=always; c=d'], 'next'],
    ['never', { ...COOKIE, ...ALL }, ['Cookie: canary=never'], 'app'],
    ['another value: the weight decides', { ...COOKIE, ...ALL }, ['Cookie: canary=maybe'], 'next'],
    ['no cookie: the weight decides', { ...COOKIE, ...ALL }, [], 'next'],
    ['its name in any case, as $cookie_name of nginx', COOKIE, ['Cookie: CANARY=always'], 'next'],
    ['a cookie whose name only ends so is another', COOKIE, ['Cookie: xcanary=always'], 'app'],
    ['no name of a cookie: never looked at', { 'canary-by-cookie': 'a;b' }, ['Cookie: a=always'], 'app'],
  ])('%s', async (_, annotations, fields, body) => {
    expect(await answers(annotations, { fields })).toBe(body);
  });
});

describe('canary-weight', () => {
  it.each<[string, string, number, 'app' | 'next']>([
    ['0', 'none, though chance is the least', 0, 'app'],
    ['30', 'chance just below it', 0.2999, 'next'],
    ['30', 'chance at it', 0.3, 'app'],
    ['1', 'one of a hundred', 0.0099, 'next'],
    ['100', 'all, though chance is the most', 0.9999, 'next'],
    ['250', 'more than there is: all', 0.9999, 'next'],
    ['-5', 'none', 0, 'app'],
    ['30%', 'no number: none', 0, 'app'],
    ['', 'empty: none', 0, 'app'],
  ])('%j: %s', async (weight, _, value, body) => {
    chance(value);
    expect(await answers({ 'canary-weight': weight })).toBe(body);
  });

  it('takes its share of many requests', async () => {
    vi.spyOn(Math, 'random').mockImplementation(seeded(42));
    const { names } = await withCanary({ 'canary-weight': '25' });
    const { next = 0 } = counted(await names(400));
    expect(Math.abs(next - 100)).toBeLessThan(25);
  });

  it('is reported when it is no number', () => {
    expect(problems({ 'canary-weight': '30%' })).toEqual(['AnnotationInvalid canary-weight']);
  });

  it('without canary does nothing, and says so', () => {
    const { diagnostics } = translated([...service('app', [1]), ingress({ 'canary-weight': '30' })]);
    expect(diagnostics).toMatchObject([{ code: 'AnnotationInvalid', field: expect.stringContaining('canary-weight') }]);
    // What tools leave that switch canaries on and off.
    const idle = { canary: 'false', 'canary-weight': '0', 'canary-weight-total': '100' };
    expect(translated([...service('app', [1]), ingress(idle)]).diagnostics).toEqual([]);
  });
});

describe('canary-weight-total', () => {
  it.each<[string, string, number, 'app' | 'next']>([
    ['1000', '50 of a thousand', 0.0499, 'next'],
    ['1000', 'and no more', 0.05, 'app'],
    ['100', 'the default', 0.4999, 'next'],
    ['50', 'less than 100 is 100', 0.5, 'app'],
    ['0', 'as is 0', 0.5, 'app'],
    ['many', 'no number: 100', 0.4999, 'next'],
  ])('%j: %s', async (total, _, value, body) => {
    chance(value);
    expect(await answers({ 'canary-weight': '50', 'canary-weight-total': total })).toBe(body);
  });

  it('is reported when it is not heeded', () => {
    expect(problems({ 'canary-weight-total': '50' })).toEqual(['AnnotationInvalid canary-weight-total']);
    expect(problems({ 'canary-weight-total': 'many' })).toEqual(['AnnotationInvalid canary-weight-total']);
  });
});

describe('what an operator may write', () => {
  const TEXTS = ['', ' ', '\n', '\u0000', '"', "'", ';}', '{', '$x', '\\', '𝕏', 'x'.repeat(65_536), '__proto__'];
  const NAMES = [
    'canary-by-header',
    'canary-by-header-value',
    'canary-by-header-pattern',
    'canary-by-cookie',
    'canary-weight',
    'canary-weight-total',
  ];

  it.each(NAMES)('in %s breaks nothing', async (name) => {
    for (const text of TEXTS) {
      const objects = [
        ...service('app', [1]),
        ...service('next', [1]),
        ingress({}),
        ingress({ canary: 'true', [name]: text }, CANARY),
      ];
      const { patch, diagnostics } = translated(objects);
      expect(patch.hosts.find(({ host }) => host === 'app.example')?.routes).toHaveLength(1);
      for (const { message } of diagnostics) expect(message.length).toBeLessThan(1100);
    }
    const { ask } = await withCanary({ ...ALL, [name]: '"\n\u0000' });
    expect((await ask()).status).toBe(200);
  });
});
