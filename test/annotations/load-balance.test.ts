/** `load-balance`, of the annotation and of the ConfigMap. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Ewma } from '../../src/proxy/upstream/balance/ewma.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { asking, counted, namedService, type Asking } from '../support/balance.ts';
import { ingress, service, translated } from '../support/ingress.ts';
import { rawBackend, response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
  vi.restoreAllMocks();
});

const CONFIG = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'sluice' };

type Annotations = Readonly<Record<string, string>>;

/** How an Ingress of these annotations is balanced, and what is wrong with it. */
function balanced(annotations: Annotations, loadBalance: 'round_robin' | 'ewma' = 'round_robin'): [string, string[]] {
  const { patch, diagnostics } = translated([...service('app', [1]), ingress(annotations)], { loadBalance });
  return [patch.groups[0]?.balancing?.algorithm ?? 'round_robin', diagnostics.map(({ code }) => code)];
}

describe('load-balance', () => {
  it.each<[string, Annotations, string, string[]]>([
    ['absent: in turn', {}, 'round_robin', []],
    ['round_robin', { 'load-balance': 'round_robin' }, 'round_robin', []],
    ['ewma', { 'load-balance': 'ewma' }, 'ewma', []],
    ['chash without something to hash: in turn', { 'load-balance': 'chash' }, 'round_robin', ['AnnotationInvalid']],
    ['chash with it', { 'load-balance': 'chash', 'upstream-hash-by': '$host' }, 'round_robin', []],
    ['chashsubset alone', { 'load-balance': 'chashsubset' }, 'round_robin', ['AnnotationInvalid']],
    ['sticky_balanced without affinity', { 'load-balance': 'sticky_balanced' }, 'round_robin', ['AnnotationInvalid']],
    [
      'sticky_persistent with it',
      { 'load-balance': 'sticky_persistent', affinity: 'cookie', 'affinity-mode': 'persistent' },
      'round_robin',
      [],
    ],
    ['a name that nobody knows: the default', { 'load-balance': 'least_conn' }, 'round_robin', ['AnnotationInvalid']],
    ['in another spelling', { 'load-balance': 'EWMA' }, 'round_robin', ['AnnotationInvalid']],
    ['empty: absent', { 'load-balance': '' }, 'round_robin', []],
  ])('%s', (_, annotations, algorithm, codes) => {
    expect(balanced(annotations)).toEqual([algorithm, codes]);
  });

  it('absent or not understood, the ConfigMap decides; which knows two names', () => {
    expect(balanced({}, 'ewma')).toEqual(['ewma', []]);
    expect(balanced({ 'load-balance': 'least_conn' }, 'ewma')).toEqual(['ewma', ['AnnotationInvalid']]);
    expect(balanced({ 'load-balance': 'round_robin' }, 'ewma')).toEqual(['round_robin', []]);
    const read = (value: string): string =>
      applyConfigMap(DEFAULT_SETTINGS, { 'load-balance': value }, CONFIG).settings.translate.loadBalance;
    expect(['ewma', 'round_robin', 'least_conn', ''].map(read)).toEqual(['ewma', 'round_robin', 'round_robin', 'round_robin']);
  });

  it('§4.4: holds for the Service port, by the first Ingress that names it', async () => {
    const of = (first: Annotations, second: Annotations): string | undefined =>
      translated([
        ...service('app', [1]),
        ingress(second, { name: 'aa', host: 'b.example', created: '2025-02-01T00:00:00Z' }),
        ingress(first),
      ]).patch.groups[0]?.balancing?.algorithm;
    expect(of({ 'load-balance': 'ewma' }, { 'load-balance': 'round_robin' })).toBe('ewma');
    expect(of({}, { 'load-balance': 'ewma' })).toBeUndefined();
  });

  it('round_robin gives each endpoint as many requests', async () => {
    const { names } = await asking(stage, [...(await namedService(stage, 'app', 3)), ingress({})]);
    expect(counted(await names(12))).toEqual({ 'app-0': 4, 'app-1': 4, 'app-2': 4 });
  });

  it('ewma prefers the endpoint that answers faster', async () => {
    // Of two endpoints both are looked at each time, so what it chooses is sure as soon as it knows them.
    const { asked, slow, fast } = await slowAndFast();
    const scores = new Map<string, number>();
    vi.spyOn(Ewma.prototype, 'observe').mockImplementation((pool) => void scores.set(pool.label, pool.port === slow ? 500 : 5));
    vi.spyOn(Ewma.prototype, 'score').mockImplementation((pool) => scores.get(pool.label) ?? 0);
    const seen = new Set<string>();
    while (seen.size < 2) seen.add((await asked.ask()).body);
    expect(scores).toEqual(
      new Map([
        [`127.0.0.1:${slow}`, 500],
        [`127.0.0.1:${fast}`, 5],
      ]),
    );
    expect(await asked.names(20)).toEqual(Array(20).fill('fast'));
  });

  it('ewma learns from how long each response took', async () => {
    const { asked, slow } = await slowAndFast();
    const times: [number, number][] = [];
    vi.spyOn(Ewma.prototype, 'observe').mockImplementation((pool, milliseconds) => void times.push([pool.port, milliseconds]));
    const seen = new Set<string>();
    let asks = 0;
    for (; seen.size < 2; asks++) seen.add((await asked.ask()).body);
    expect(times).toHaveLength(asks);
    for (const [port, time] of times) expect(time).toBeGreaterThanOrEqual(port === slow ? 30 : 0);
  });

  it('ewma learns nothing from a try that failed', async () => {
    const broken = stage.opened(
      await rawBackend((_, socket) => {
        socket.destroy();
        return null;
      }),
    );
    const good = await stage.backend(() => response('good'));
    const asked = await asking(stage, [...service('app', [broken.port, good.port]), ingress({ 'load-balance': 'ewma' })]);
    const ports = new Set<number>();
    vi.spyOn(Ewma.prototype, 'observe').mockImplementation((pool) => void ports.add(pool.port));
    do expect(await asked.names(1)).toEqual(['good']);
    while (broken.sockets.length === 0);
    expect(ports).toEqual(new Set([good.port]));
    const alone = await asking(stage, [...service('app', [broken.port]), ingress({ 'load-balance': 'ewma' })]);
    expect((await alone.ask()).status).toBe(502);
    expect(ports).toEqual(new Set([good.port]));
  });

  async function slowAndFast(): Promise<{ asked: Asking; slow: number; fast: number }> {
    const slow = await stage.backend((_, socket) => {
      // The time that passes is what is looked at here.
      setTimeout(() => socket.write(response('slow')), 40);
      return null;
    });
    const fast = await stage.backend(() => response('fast'));
    const asked = await asking(stage, [...service('app', [slow.port, fast.port]), ingress({ 'load-balance': 'ewma' })]);
    return { asked, slow: slow.port, fast: fast.port };
  }
});
