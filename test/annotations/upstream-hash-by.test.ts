/** `upstream-hash-by`: requests with the same key go to the same endpoint. */
import { afterEach, describe, expect, it } from 'vitest';
import { asking, counted, namedService, type Asking, type Question } from '../support/balance.ts';
import { ingress, service, translated } from '../support/ingress.ts';
import { freePort } from '../support/ports.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

type Annotations = Readonly<Record<string, string>>;

async function hashed(annotations: Annotations, endpoints = 4): Promise<Asking> {
  return asking(stage, [...(await namedService(stage, 'app', endpoints)), ingress(annotations)]);
}

/** Who answers when the same is asked many times. */
async function answering(asked: Asking, question: Question = {}): Promise<number> {
  return new Set(await asked.names(8, question)).size;
}

/** Asks other things until two endpoints have answered. */
async function differs({ ask }: Asking, question: (index: number) => Question): Promise<void> {
  const seen = new Set<string>();
  for (let i = 0; seen.size < 2; i++) seen.add((await ask(question(i))).body);
}

function problems(annotations: Annotations): string[] {
  return translated([...service('app', [1]), ingress(annotations)]).diagnostics.map(
    ({ code, field }) => `${code} ${field.replace(/.*\/(.*)]/, '$1')}`,
  );
}

describe('upstream-hash-by', () => {
  it.each<[string, Annotations, boolean]>([
    ['absent: endpoints take turns', {}, false],
    ['a variable', { 'upstream-hash-by': '$request_uri' }, true],
    ['in braces, with text', { 'upstream-hash-by': 'app-${host}${uri}' }, true],
    ["the client's address, in nginx's own form", { 'upstream-hash-by': '$binary_remote_addr' }, true],
    ['text alone: one endpoint for all', { 'upstream-hash-by': 'all' }, true],
    ['a field that no request has: one endpoint for all', { 'upstream-hash-by': '$http_x_user' }, true],
    ['a variable that nobody knows: as if absent', { 'upstream-hash-by': '$no_such_thing' }, false],
    ['not of its characters: as if absent', { 'upstream-hash-by': '$host;' }, false],
    ['empty: absent', { 'upstream-hash-by': '' }, false],
  ])('%s', async (_, annotations, isHashed) => {
    expect(await answering(await hashed(annotations), { path: '/a?b=c' })).toBe(isHashed ? 1 : 4);
  });

  it.each<[string, (index: number) => Question]>([
    ['$request_uri', (index) => ({ path: `/a?${index}` })],
    ['$uri', (index) => ({ path: `/${index}` })],
    ['$arg_user', (index) => ({ path: `/?user=${index}` })],
    ['$http_x_user', (index) => ({ fields: [`X-User: ${index}`] })],
    ['$cookie_user', (index) => ({ fields: [`Cookie: user=${index}`] })],
    ['$host$request_uri', (index) => ({ path: `/${index}` })],
  ])('%s: other keys go elsewhere', async (by, question) => {
    const asked = await hashed({ 'upstream-hash-by': by });
    await differs(asked, question);
    for (const index of [0, 1, 2]) expect(await answering(asked, question(index))).toBe(1);
  });

  it('also on a route that has policies', async () => {
    const asked = await hashed({ 'upstream-hash-by': '$request_uri', 'force-ssl-redirect': 'true' });
    expect((await asked.ask()).status).toBe(308);
    const proxied = await hashed({ 'upstream-hash-by': '$arg_a', 'force-ssl-redirect': 'true' });
    const tls = await asking(
      stage,
      [...(await namedService(stage, 'app', 4)), ingress({ 'upstream-hash-by': '$arg_a', 'force-ssl-redirect': 'true' })],
      {},
      true,
    );
    expect((await proxied.ask()).status).toBe(308);
    expect(await answering(tls, { path: '/?a=1' })).toBe(1);
    await differs(tls, (index) => ({ path: `/?a=${index}` }));
  });

  it('in every replica the same', async () => {
    const objects = [...(await namedService(stage, 'app', 4)), ingress({ 'upstream-hash-by': '$request_uri' })];
    const [one, other] = [await asking(stage, objects), await asking(stage, objects)];
    for (let i = 0; i < 10; i++) {
      const path = `/${i}`;
      expect((await one.ask({ path })).body).toBe((await other.ask({ path })).body);
    }
  });

  it('beats load-balance', async () => {
    expect(await answering(await hashed({ 'upstream-hash-by': '$host', 'load-balance': 'ewma' }))).toBe(1);
  });

  it('a request whose endpoint cannot be reached goes to the one that has its key without it', async () => {
    const living = await Promise.all(['a', 'b', 'c'].map((name) => stage.backend(() => response(name))));
    const dead = await freePort();
    const ports = living.map(({ port }) => port);
    const annotations = { 'upstream-hash-by': '$request_uri' };
    const [whole, without] = [
      await asking(stage, [...service('app', [...ports, dead]), ingress(annotations)]),
      await asking(stage, [...service('app', ports), ingress(annotations)]),
    ];
    for (let i = 0; i < 30; i++)
      expect((await whole.ask({ path: `/${i}` })).body).toBe((await without.ask({ path: `/${i}` })).body);
  });

  it('§4.4: holds for the Service port, by the first Ingress that names it', () => {
    const objects = (first: Annotations, second: Annotations) => [
      ...service('app', [1]),
      ingress(second, { name: 'aa', host: 'b.example', created: '2025-02-01T00:00:00Z' }),
      ingress(first),
    ];
    const of = (first: Annotations, second: Annotations): unknown =>
      translated(objects(first, second)).patch.groups[0]?.balancing;
    expect(of({ 'upstream-hash-by': '$host' }, { 'upstream-hash-by': '$uri' })).toEqual({
      hashBy: { key: [{ variable: 'host' }], subsetSize: null },
    });
    expect(of({}, { 'upstream-hash-by': '$uri' })).toBeUndefined();
  });

  it('is reported when it cannot be heeded', () => {
    expect(problems({ 'upstream-hash-by': '$no_such_thing' })).toEqual(['AnnotationInvalid upstream-hash-by']);
    expect(problems({ 'upstream-hash-by': '"; }' })).toEqual(['AnnotationInvalid upstream-hash-by']);
    expect(problems({ 'upstream-hash-by': '$host'.repeat(5000) })).toEqual(['AnnotationInvalid upstream-hash-by']);
    expect(problems({ 'upstream-hash-by': `$${'x'.repeat(65_536)}` })).toEqual(['AnnotationInvalid upstream-hash-by']);
  });
});

describe('upstream-hash-by-subset', () => {
  const BY = { 'upstream-hash-by': '$request_uri' };

  it.each<[string, Annotations, number]>([
    ['absent: one endpoint', BY, 1],
    ['false', { ...BY, 'upstream-hash-by-subset': 'false' }, 1],
    ['true: three, by chance', { ...BY, 'upstream-hash-by-subset': 'true' }, 3],
    ['no boolean: false', { ...BY, 'upstream-hash-by-subset': 'some' }, 1],
  ])('%s', async (_, annotations, most) => {
    const { ask } = await hashed(annotations, 6);
    const seen = new Set<string>();
    for (let i = 0; i < 40 || seen.size < most; i++) seen.add((await ask()).body);
    expect(seen.size).toBe(most);
  });

  it('without upstream-hash-by nothing: endpoints take turns', async () => {
    const { names } = await hashed({ 'upstream-hash-by-subset': 'true' });
    expect(counted(await names(8))).toEqual({ 'app-0': 2, 'app-1': 2, 'app-2': 2, 'app-3': 2 });
  });
});

describe('upstream-hash-by-subset-size', () => {
  const SUBSET = { 'upstream-hash-by': '$request_uri', 'upstream-hash-by-subset': 'true' };

  it.each<[string, number]>([
    ['2', 2],
    ['1', 1],
    // As many as there are.
    ['9999999999999', 6],
    ['0', 3],
    ['-1', 3],
    ['two', 3],
  ])('%j: %s', async (size, most) => {
    const { ask } = await hashed({ ...SUBSET, 'upstream-hash-by-subset-size': size }, 6);
    const seen = new Set<string>();
    for (let i = 0; i < 40 || seen.size < most; i++) seen.add((await ask()).body);
    expect(seen.size).toBe(most);
  });

  it('is reported when it is none', () => {
    expect(problems({ ...SUBSET, 'upstream-hash-by-subset-size': 'two' })).toEqual([
      'AnnotationInvalid upstream-hash-by-subset-size',
    ]);
    expect(problems({ ...SUBSET, 'upstream-hash-by-subset-size': '-1' })).toEqual([
      'AnnotationInvalid upstream-hash-by-subset-size',
    ]);
  });

  it('endpoints that cannot be reached are passed by, those of the subset first', async () => {
    const good = await stage.backend(() => response('good'));
    const dead = [await freePort(), await freePort()];
    const annotations = { ...SUBSET, 'upstream-hash-by-subset-size': '2' };
    const { ask } = await asking(stage, [...service('app', [...dead, good.port]), ingress(annotations)]);
    for (let i = 0; i < 20; i++) expect((await ask({ path: `/${i}` })).body).toBe('good');
  });
});
