import { afterEach, describe, expect, it } from 'vitest';
import { Reflector } from '../../../src/cluster/watch/reflector.ts';
import type { ReflectorTuning } from '../../../src/cluster/watch/reflector.ts';
import { SYSTEM_TIMING } from '../../../src/cluster/timing.ts';
import type { Timing } from '../../../src/cluster/timing.ts';
import { ManualTiming } from '../../support/manual-timing.ts';
import { ScriptedApi, clientOf, failing, json, keepingLog, listOf, until, watchOf } from '../../support/scripted-api.ts';

const PATH = '/apis/networking.k8s.io/v1/ingresses';
const IN_DEFAULT = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const LIST = listOf('ingresses');
const WATCH = watchOf('ingresses');
/** Real time, but no wait between attempts. */
const EAGER: Timing = { ...SYSTEM_TIMING, random: () => 0 };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

interface Scene {
  readonly api: ScriptedApi;
  readonly reflector: Reflector;
  /** `+name@version`, `-name` in the order of delivery. */
  readonly seen: string[];
  readonly lists: () => number;
  readonly recoveries: () => number;
}

async function scene(timing: Timing, tuning: ReflectorTuning = {}, pageSize = 500): Promise<Scene> {
  const api = await ScriptedApi.start();
  const client = clientOf(api.url, timing);
  const seen: string[] = [];
  let recoveries = 0;
  const reflector = new Reflector({
    client,
    timing,
    log: keepingLog(),
    kind: 'Ingress',
    path: PATH,
    pageSize,
    tuning: { relistDelay: 1, ...tuning },
    sink: {
      upsert: (object) => {
        const { name, resourceVersion } = (object as { metadata: { name: string; resourceVersion: string } }).metadata;
        seen.push(`+${name}@${resourceVersion}`);
      },
      remove: ({ name }) => seen.push(`-${name}`),
      listed: () => {},
      failed: () => {},
      recovered: () => (recoveries += 1),
    },
  });
  cleanups.push(async () => {
    await reflector.stop();
    await client.close();
    await api.close();
  });
  return { api, reflector, seen, lists: () => api.count(LIST), recoveries: () => recoveries };
}

const failures = (reflector: Reflector): number =>
  [...reflector.stats().errors.values()].reduce((sum, count) => sum + count, 0);

const ingress = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

/** Started, listed, and its watch open. */
async function watching(timing: Timing, tuning?: ReflectorTuning): Promise<Scene> {
  const made = await scene(timing, tuning);
  made.api.put(IN_DEFAULT, ingress('a'));
  made.reflector.start();
  await until(() => made.api.watching('ingresses') === 1);
  if (timing instanceof ManualTiming) {
    // The deadline of the head is off: what remains is the guard for silence and the one for overtime.
    await until(() => timing.due().length === 2);
  }
  return made;
}

describe('listing', () => {
  it('reads all pages, then watches from the version of the list, with bookmarks and a random timeout', async () => {
    const { api, reflector, seen } = await scene(EAGER, {}, 2);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      api.put(IN_DEFAULT, ingress(name));
    }
    reflector.start();
    await until(() => api.watching('ingresses') === 1);
    expect(seen).toEqual(['+a@101', '+b@102', '+c@103', '+d@104', '+e@105']);
    expect(api.requests.filter(LIST).map(({ query }) => query.toString())).toEqual([
      'limit=2',
      'limit=2&continue=2',
      'limit=2&continue=4',
    ]);
    const query = api.requests.find(WATCH)?.query;
    expect(query?.get('resourceVersion')).toBe('105');
    expect(query?.get('allowWatchBookmarks')).toBe('true');
    expect(Number(query?.get('timeoutSeconds'))).toBe(240);
  });

  it('A7: starts again when the continue token expires, the second time in one piece', async () => {
    const { api, reflector, seen } = await scene(EAGER, {}, 1);
    api.put(IN_DEFAULT, ingress('a'));
    api.put(IN_DEFAULT, ingress('b'));
    const expired = failing(410, 'Expired');
    api.script((request) => LIST(request) && request.query.has('continue'), expired, expired);
    reflector.start();
    await until(() => reflector.listed);
    expect(seen).toEqual(['+a@101', '+b@102']);
    expect(api.requests.filter(LIST).map(({ query }) => query.toString())).toEqual([
      'limit=1',
      'limit=1&continue=1',
      'limit=1',
      'limit=1&continue=1',
      '',
    ]);
  });

  it('waits for an API server that is not there yet', async () => {
    const { api, reflector, seen } = await scene(EAGER);
    const { port } = api;
    api.put(IN_DEFAULT, ingress('a'));
    await api.close();
    reflector.start();
    await until(() => (reflector.stats().errors.get('Unreachable') ?? 0) >= 3);
    expect(reflector.state).toBe('failing');
    const back = await ScriptedApi.start(port);
    cleanups.push(() => back.close());
    back.put(IN_DEFAULT, ingress('b'));
    await until(() => reflector.state === 'watching');
    expect(seen).toEqual(['+b@101']);
  });

  it('takes what is not a list for an error', async () => {
    const { api, reflector } = await scene(EAGER);
    api.script(LIST, (_request, response) => json(response, 200, { items: {} }));
    api.script(LIST, (_request, response) => {
      response.end('<html>');
    });
    reflector.start();
    await until(() => reflector.listed);
    expect(reflector.stats().errors.get('BadResponse')).toBe(2);
  });

  it('A8: waits as long as Retry-After asks, and longer with every failure', async () => {
    const timing = new ManualTiming();
    timing.randomness = 1;
    const { api, reflector } = await scene(timing);
    api.script(LIST, failing(429, 'TooManyRequests', { 'retry-after': '7' }));
    api.always(LIST, failing(503, 'ServiceUnavailable'));
    reflector.start();
    const waits: (number | undefined)[] = [];
    for (let count = 1; count <= 10; count += 1) {
      await until(() => failures(reflector) === count && timing.due().length === 1);
      waits.push(timing.due()[0]);
      timing.advance(timing.due()[0] ?? 0);
    }
    expect(waits).toEqual([7000, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    expect(reflector.stats().errors).toEqual(
      new Map([
        ['429', 1],
        ['503', 9],
      ]),
    );
  });

  it('waits no longer when another kind was answered, but never tries twice within a second', async () => {
    const timing = new ManualTiming();
    timing.randomness = 1;
    const { api, reflector, recoveries } = await scene(timing);
    const recover = api.always(LIST, failing(503, 'ServiceUnavailable'));
    reflector.start();
    for (let count = 1; count <= 6; count += 1) {
      await until(() => failures(reflector) === count && timing.due().length === 1);
      if (count < 6) timing.advance(timing.due()[0] ?? 0);
    }
    const began = timing.now();
    recover();
    reflector.hurry();
    expect(timing.due()[0]).toBeGreaterThan(5000);
    timing.advance(1000);
    reflector.hurry();
    await until(() => recoveries() === 1);
    expect(timing.now() - began).toBe(1000);
  });
});

describe('watching', () => {
  it('delivers additions, changes and deletions, each once', async () => {
    const { api, seen } = await watching(EAGER);
    api.put(IN_DEFAULT, ingress('b'));
    api.put(IN_DEFAULT, ingress('a'));
    const gone = api.get(`${IN_DEFAULT}/a`);
    api.remove(IN_DEFAULT, 'a');
    api.send('ingresses', 'DELETED', gone);
    api.put(IN_DEFAULT, ingress('c'));
    await until(() => seen.length === 5);
    expect(seen).toEqual(['+a@101', '+b@102', '+a@103', '-a', '+c@105']);
  });

  it('goes on from the last version after a reset, without a list', async () => {
    const { api, reflector, seen, lists } = await watching(EAGER);
    api.put(IN_DEFAULT, ingress('b'));
    await until(() => seen.length === 2);
    api.drop('ingresses', 'reset');
    api.put(IN_DEFAULT, ingress('c'));
    await until(() => seen.includes('+c@103'));
    expect(seen).toEqual(['+a@101', '+b@102', '+c@103']);
    expect(lists()).toBe(1);
    expect(reflector.stats().errors.get('Unreachable')).toBe(1);
  });

  it('A6: goes on from a bookmark', async () => {
    const { api, lists } = await watching(EAGER);
    api.send('ingresses', 'BOOKMARK', { kind: 'Ingress', metadata: { resourceVersion: '5000' } });
    api.drop('ingresses', 'end');
    await until(() => api.count(WATCH) >= 2);
    expect(api.requests.findLast(WATCH)?.query.get('resourceVersion')).toBe('5000');
    expect(lists()).toBe(1);
  });

  it('joins a character that is cut by the end of a chunk', async () => {
    const { api, seen } = await watching(EAGER);
    const line = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'ü€😀', namespace: 'default', resourceVersion: '200' } } })}\n`,
    );
    for (const byte of line) {
      api.write('ingresses', Buffer.from([byte]));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await until(() => seen.length === 2);
    expect(seen[1]).toBe('+ü€😀@200');
  });

  it('connects at once after a clean end of a watch that lived', async () => {
    const timing = new ManualTiming();
    const { api, reflector } = await watching(timing);
    timing.advance(10_000);
    api.drop('ingresses', 'end');
    await until(() => api.count(WATCH) === 2);
    expect(reflector.stats().errors.size).toBe(0);
    expect(reflector.state).toBe('watching');
  });

  it('A8: does not spin when watches end at once', async () => {
    const timing = new ManualTiming();
    timing.randomness = 1;
    const { api, reflector } = await scene(timing);
    api.always(WATCH, (_request, response) => {
      response.writeHead(200).end();
    });
    reflector.start();
    const waits: (number | undefined)[] = [];
    for (let count = 1; count <= 3; count += 1) {
      await until(() => api.count(WATCH) === count && timing.due().length === 1);
      waits.push(timing.due()[0]);
      timing.advance(timing.due()[0] ?? 0);
    }
    expect(waits).toEqual([200, 400, 800]);
  });

  it.each(['HTTP', 'ERROR event'])('A3: lists again after 410 as %s, and tells only what differs', async (how) => {
    const { api, reflector, seen, lists } = await watching(EAGER);
    api.put(IN_DEFAULT, ingress('b'));
    await until(() => seen.length === 2);
    api.remove(IN_DEFAULT, 'a', { silent: true });
    api.put(IN_DEFAULT, ingress('c'), { silent: true });
    api.compact();
    if (how === 'HTTP') {
      api.drop('ingresses', 'end');
    } else {
      api.send('ingresses', 'ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
    }
    await until(() => lists() === 2 && api.watching('ingresses') === 1);
    expect(seen).toEqual(['+a@101', '+b@102', '+c@104', '-a']);
    expect(reflector.stats().relists).toBe(1);
  });

  it('A3: waits before it lists again, longer while 410 repeats', async () => {
    const timing = new ManualTiming();
    timing.randomness = 0;
    const { api, reflector, lists } = await scene(timing, { relistDelay: 800 });
    api.always(WATCH, failing(410, 'Expired'));
    reflector.start();
    const waits: (number | undefined)[] = [];
    for (let count = 1; count <= 3; count += 1) {
      await until(() => api.count(WATCH) === count && timing.due().length === 1);
      expect(lists()).toBe(count);
      waits.push(timing.due()[0]);
      timing.advance(timing.due()[0] ?? 0);
    }
    expect(waits).toEqual([800, 1600, 3200]);
  });

  it('takes any other ERROR event for an error and goes on from the last version', async () => {
    const { api, reflector, lists } = await watching(EAGER);
    api.send('ingresses', 'ERROR', { kind: 'Status', code: 500, message: 'etcd is away' });
    await until(() => api.count(WATCH) === 2);
    expect(reflector.stats().errors.get('500')).toBe(1);
    expect(api.requests.findLast(WATCH)?.query.get('resourceVersion')).toBe('101');
    expect(lists()).toBe(1);
  });

  it.each([
    ['half a line', '{"type":"ADDED","object":{"metadata":{"na', 'end'],
    ['garbage', '\u0000\u0001 not JSON\n', undefined],
    ['something that is no event', '[1,2]\n', undefined],
    ['an unknown type', '{"type":"SURPRISE","object":{}}\n', undefined],
  ] as const)('A5: drops %s and goes on from the last version', async (_what, bytes, then) => {
    const { api, reflector, seen, lists } = await watching(EAGER);
    api.write('ingresses', bytes);
    if (then) {
      api.drop('ingresses', then);
    }
    await until(() => api.count(WATCH) === 2);
    api.put(IN_DEFAULT, ingress('b'));
    await until(() => seen.length === 2);
    expect(seen).toEqual(['+a@101', '+b@102']);
    expect(reflector.stats().errors.get('BadResponse')).toBe(1);
    expect(lists()).toBe(1);
  });

  it('gives up a line without an end', async () => {
    const { api, reflector } = await watching(EAGER, { maxLine: 1000 });
    api.write('ingresses', `{"type":"ADDED","object":"${'x'.repeat(2000)}`);
    await until(() => api.count(WATCH) === 2);
    expect(reflector.stats().errors.size).toBe(1);
  });

  it('A4: notices a watch that is silent, and connects again without a list', async () => {
    const timing = new ManualTiming();
    const { api, reflector, seen, lists } = await watching(timing, { staleAfter: 90_000 });
    timing.advance(80_000);
    api.send('ingresses', 'BOOKMARK', { metadata: { resourceVersion: '150' } });
    await until(() => reflector.stats().lastEventAge === 0);
    timing.advance(80_000);
    expect(reflector.stats().stalls).toBe(0);
    api.put(IN_DEFAULT, ingress('unheard'), { silent: true });
    timing.advance(10_000);
    await until(() => api.count(WATCH) === 2);
    expect(reflector.stats().stalls).toBe(1);
    expect(api.requests.findLast(WATCH)?.query.get('resourceVersion')).toBe('150');
    expect(lists()).toBe(1);
    expect(seen).toEqual(['+a@101']);
  });

  it('A4: lists again when watch after watch is silent: the server may have been restored to an older state', async () => {
    const timing = new ManualTiming();
    const { api, seen, lists } = await watching(timing, { staleAfter: 90_000 });
    api.remove(IN_DEFAULT, 'a', { silent: true });
    timing.advance(90_000);
    await until(() => api.count(WATCH) === 2 && timing.due().length === 2);
    expect(lists()).toBe(1);
    timing.advance(90_000);
    await until(() => api.count(WATCH) === 3);
    expect(lists()).toBe(2);
    expect(seen).toEqual(['+a@101', '-a']);
  });

  it('A4: ends a watch that outlives its timeout', async () => {
    const timing = new ManualTiming();
    timing.randomness = 0;
    const { api, reflector } = await watching(timing, { staleAfter: 1_000_000 });
    timing.advance(269_999);
    expect(reflector.stats().stalls).toBe(0);
    timing.advance(1);
    await until(() => api.count(WATCH) === 2);
    expect(reflector.stats().stalls).toBe(1);
  });

  it('A1: keeps what it knows while the API server fails', async () => {
    const { api, reflector, seen } = await watching(EAGER);
    const recover = api.always(() => true, failing(500, 'InternalError'));
    api.drop('ingresses', 'reset');
    await until(() => (reflector.stats().errors.get('500') ?? 0) >= 3);
    expect(reflector.state).toBe('failing');
    expect(reflector.knows('default', 'a')).toBe(true);
    recover();
    await until(() => reflector.state === 'watching');
    expect(seen).toEqual(['+a@101']);
  });
});

const object = (name: string, uid: string, resourceVersion: string) => ({
  metadata: { name, namespace: 'default', uid, resourceVersion },
});

describe('versions', () => {
  it('A11: refuses an older object, and asks a list who is right', async () => {
    const { api, seen, lists } = await watching(EAGER);
    api.put(IN_DEFAULT, ingress('a'));
    await until(() => seen.length === 2);
    api.send('ingresses', 'MODIFIED', object('a', 'uid-1', '99'));
    await until(() => lists() === 2);
    expect(seen).toEqual(['+a@101', '+a@102']);
  });

  it('does not take the deletion of a former object of the same name for that of the present one', async () => {
    const { api, seen } = await watching(EAGER);
    api.send('ingresses', 'ADDED', object('b', 'new', '120'));
    api.send('ingresses', 'DELETED', object('b', 'old', '110'));
    api.send('ingresses', 'ADDED', object('c', 'other', '130'));
    await until(() => seen.includes('+c@130'));
    expect(seen).toEqual(['+a@101', '+b@120', '+c@130']);
  });

  it('A11: refuses lists of a replica that lags until it has caught up', async () => {
    const { api, reflector, seen, lists } = await watching(EAGER);
    const stale = { metadata: { resourceVersion: '90' }, items: [object('a', 'uid-1', '90')] };
    api.script(
      LIST,
      ...[1, 2].map(() => (_request: unknown, response: Parameters<typeof json>[0]) => json(response, 200, stale)),
    );
    api.compact();
    api.put(IN_DEFAULT, ingress('b'), { silent: true });
    api.send('ingresses', 'ERROR', { code: 410 });
    await until(() => lists() === 4 && reflector.state === 'watching');
    expect(seen).toEqual(['+a@101', '+b@102']);
    expect(reflector.stats().errors.get('Stale')).toBe(2);
  });

  it('believes older lists in the end: the history was lost', async () => {
    const timing = new ManualTiming();
    const { api, reflector, seen } = await watching(timing, { regressionTolerance: 30_000 });
    const restored = { metadata: { resourceVersion: '50' }, items: [object('z', 'uid-9', '40'), object('a', 'uid-1', '30')] };
    api.always(LIST, (_request, response) => json(response, 200, restored));
    api.always(WATCH, failing(410, 'Expired'));
    api.drop('ingresses', 'reset');
    while (!seen.includes('+z@40')) {
      timing.advance(500);
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    expect(timing.now()).toBeGreaterThanOrEqual(30_000);
    expect(seen).toEqual(['+a@101', '+z@40', '+a@30']);
    expect(reflector.stats().errors.get('Stale')).toBeGreaterThan(1);
  });

  it('judges an object read by a GET as it judges the watch', async () => {
    const { api, reflector, seen } = await watching(EAGER);
    api.put(IN_DEFAULT, ingress('a'));
    await until(() => seen.length === 2);
    reflector.observe(object('a', 'uid-1', '101'));
    reflector.observe(object('gone', 'uid-7', '100'));
    reflector.observe(object('fresh', 'uid-8', '300'));
    api.send('ingresses', 'ADDED', object('fresh', 'uid-8', '250'));
    api.put(IN_DEFAULT, ingress('last', {}));
    expect(seen).toEqual(['+a@101', '+a@102', '+fresh@300']);
  });
});
