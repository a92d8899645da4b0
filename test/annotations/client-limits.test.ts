/** How much one client may ask of an Ingress: `limit-rps`, `limit-rpm`, `limit-connections` and what goes with them. */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service, translated } from '../support/ingress.ts';
import { response, type TestProxy } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** Addresses are those that a proxy in front of us says. */
const BEHIND_PROXY = { useForwardedHeaders: true, trustedProxies: ['127.0.0.1/32'] };

interface Scene {
  readonly proxy: TestProxy;
  readonly diagnostics: readonly string[];
  /** The statuses that so many requests at once get. */
  readonly ask: (count: number, from?: string, path?: string) => Promise<readonly number[]>;
}

async function scene(
  annotations: Readonly<Record<string, unknown>>,
  proxySettings: Partial<ProxySettings> = {},
): Promise<Scene> {
  const backend = await stage.backend(() => response('ok'));
  const objects = [ingress(annotations), ingress({}, { name: 'other', paths: ['/other'] }), ...service('app', [backend.port])];
  const proxy = await serve(objects, { proxy: { ...BEHIND_PROXY, ...proxySettings } });
  stage.watched(proxy);
  const ask: Scene['ask'] = async (count, from = '192.0.2.1', path = '/') => {
    const client = await stage.client(proxy.port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: ${from}\r\n\r\n`.repeat(count));
    const statuses: number[] = [];
    for (let i = 0; i < count; i++) statuses.push((await client.response()).status);
    return statuses;
  };
  return { proxy, diagnostics: proxy.diagnostics.map(({ severity, field }) => `${severity} ${field}`), ask };
}

/** How many of them were let in. */
function admitted(statuses: readonly number[]): number {
  return statuses.filter((status) => status === 200).length;
}

/** A second has rarely passed within a test, but it may: then one more gets in for each. */
async function admittedWithin(
  ask: () => Promise<readonly number[]>,
  perSecond: number,
): Promise<[count: number, more: number]> {
  const began = performance.now();
  const count = admitted(await ask());
  return [count, Math.ceil(((performance.now() - began) / 1000) * perSecond)];
}

describe('limit-rps', () => {
  it.each([
    ['absent: no limit', {}, 30, 30],
    ['1: one, and a burst of five times as many', { 'limit-rps': '1' }, 12, 6],
    ['2', { 'limit-rps': '2' }, 15, 11],
    ['0: no limit', { 'limit-rps': '0' }, 20, 20],
    ['negative: no limit', { 'limit-rps': '-1' }, 20, 20],
  ])('%s', async (_, annotations: Record<string, string>, asked, expected) => {
    const { ask } = await scene(annotations);
    const [count, more] = await admittedWithin(() => ask(asked), Number(annotations['limit-rps'] ?? 0));
    expect(count).toBeGreaterThanOrEqual(expected);
    expect(count).toBeLessThanOrEqual(Math.min(asked, expected + Math.max(more, 0)));
  });

  it.each(['10r/s', 'many', '1.5', '0x10', '"; }', 5, 'x'.repeat(65_536)])(
    '%j: denied, for nothing would be limited',
    async (value) => {
      const { ask, diagnostics } = await scene({ 'limit-rps': value });
      expect([await ask(1), await ask(1, '192.0.2.1', '/other')]).toEqual([[503], [200]]);
      expect(diagnostics).toEqual(['error metadata.annotations[nginx.ingress.kubernetes.io/limit-rps]']);
    },
  );

  it('beyond it: 503 with the page of nginx, or limit-req-status-code of the ConfigMap', async () => {
    const annotations = { 'limit-rpm': '1', 'limit-burst-multiplier': '1' };
    const { ask, proxy } = await scene(annotations, { limitReqStatus: 429 });
    await ask(2);
    const { status, body, head } = await exchange(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n',
    );
    expect([status, head.split('\r\n', 1)[0]]).toEqual([429, 'HTTP/1.1 429 Too Many Requests']);
    expect(body).toContain('<h1>429 Too Many Requests</h1>');
  });
});

describe('limit-rpm', () => {
  it.each([
    ['absent: no limit', {}, 20, 20],
    ['1: one, and a burst of five', { 'limit-rpm': '1' }, 10, 6],
    ['3', { 'limit-rpm': '3' }, 20, 16],
    ['with limit-rps the stricter counts', { 'limit-rpm': '1', 'limit-rps': '100' }, 10, 6],
    ['0: no limit', { 'limit-rpm': '0' }, 20, 20],
    ['nonsense: denied', { 'limit-rpm': 'sixty' }, 1, 0],
  ])('%s', async (_, annotations, asked, expected) => {
    const { ask } = await scene(annotations);
    expect(admitted(await ask(asked))).toBe(expected);
  });

  it('counts each client for itself, all paths of the Ingress together, and no other Ingress', async () => {
    const backend = await stage.backend(() => response('ok'));
    const limited = ingress({ 'limit-rpm': '1', 'limit-burst-multiplier': '1' }, { paths: ['/', '/a'] });
    const objects = [
      limited,
      ingress({ 'limit-rpm': '1' }, { name: 'other', paths: ['/b'] }),
      ...service('app', [backend.port]),
    ];
    const proxy = await serve(objects, { proxy: BEHIND_PROXY });
    stage.watched(proxy);
    const ask = async (path: string, from: string): Promise<number> =>
      (await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: ${from}\r\n\r\n`)).status;
    expect([await ask('/', '192.0.2.1'), await ask('/a', '192.0.2.1')]).toEqual([200, 200]);
    expect([await ask('/', '192.0.2.1'), await ask('/a', '192.0.2.1')]).toEqual([503, 503]);
    expect([await ask('/b', '192.0.2.1'), await ask('/', '192.0.2.2')]).toEqual([200, 200]);
  });

  it('an address of IPv6 is one client however it is written', async () => {
    const { ask } = await scene({ 'limit-rpm': '1', 'limit-burst-multiplier': '1' });
    const statuses = [];
    for (const from of ['2001:db8::1', '2001:DB8:0::1', '2001:db8:0:0:0:0:0:1', '2001:db8::2'])
      statuses.push(...(await ask(1, from)));
    expect(statuses).toEqual([200, 200, 503, 200]);
  });

  it('is remembered when the table changes', async () => {
    const { ask, proxy } = await scene({ 'limit-rpm': '1' });
    await ask(6);
    const backend = await stage.backend(() => response('changed'));
    const objects = [ingress({ 'limit-rpm': '1', 'proxy-read-timeout': '7' }), ...service('app', [backend.port])];
    proxy.runtime.apply(translated(objects).patch);
    expect([await ask(1), await ask(1, '192.0.2.2')]).toEqual([[503], [200]]);
  });
});

describe('limit-burst-multiplier', () => {
  it.each([
    ['absent: 5', {}, 6],
    ['1', { 'limit-burst-multiplier': '1' }, 2],
    ['3', { 'limit-burst-multiplier': '3' }, 4],
    ['0, which nginx does not take: 5', { 'limit-burst-multiplier': '0' }, 6],
    ['nonsense: 5', { 'limit-burst-multiplier': 'x2' }, 6],
    ['beyond all measure', { 'limit-burst-multiplier': '9007199254740993' }, 6],
  ])('%s', async (_, annotations, expected) => {
    const { ask } = await scene({ 'limit-rpm': '1', ...annotations });
    expect(admitted(await ask(12))).toBe(expected);
  });

  it('alone limits nobody', async () => {
    const { ask, diagnostics } = await scene({ 'limit-burst-multiplier': '1' });
    expect([admitted(await ask(12)), diagnostics]).toEqual([12, []]);
  });
});

describe.each(['limit-allowlist', 'limit-whitelist'])('%s', (name) => {
  it.each([
    ['absent: nobody is exempt', {}, '192.0.2.1', 6],
    ['the address', { [name]: '192.0.2.1' }, '192.0.2.1', 10],
    ['another', { [name]: '192.0.2.2' }, '192.0.2.1', 6],
    ['a range among others', { [name]: '10.0.0.0/8, 192.0.2.0/24,2001:db8::/32' }, '192.0.2.77', 10],
    ['IPv6', { [name]: '2001:db8::/32' }, '2001:db8::5', 10],
    ['all of IPv6 is none of IPv4', { [name]: '::/0' }, '192.0.2.1', 6],
    ['nonsense: nobody is exempt', { [name]: '192.0.2.1,everybody' }, '192.0.2.1', 6],
  ])('%s', async (_, annotations, from, expected) => {
    const { ask } = await scene({ 'limit-rpm': '1', ...annotations });
    expect(admitted(await ask(10, from))).toBe(expected);
  });
});

it('limit-whitelist counts only where limit-allowlist is empty, and both exempt from limit-connections', async () => {
  const { ask } = await scene({
    'limit-rpm': '1',
    'limit-connections': '1',
    'limit-allowlist': '192.0.2.1',
    'limit-whitelist': '192.0.2.2',
  });
  expect([admitted(await ask(10, '192.0.2.1')), admitted(await ask(10, '192.0.2.2'))]).toEqual([10, 6]);
});

describe('limit-connections', () => {
  /** A backend that answers when it is told to. */
  async function holding(annotations: Readonly<Record<string, unknown>>, settings: Partial<ProxySettings> = {}) {
    const held: net.Socket[] = [];
    const backend = await stage.backend((_, socket) => {
      held.push(socket);
      return null;
    });
    const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], {
      proxy: { ...BEHIND_PROXY, ...settings },
    });
    stage.watched(proxy);
    const begin = async (from = '192.0.2.1') => {
      const client = await stage.client(proxy.port);
      client.send(`GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: ${from}\r\n\r\n`);
      return client;
    };
    return { held, begin, proxy };
  }

  it.each([
    ['absent: no limit', {}, 3],
    ['1', { 'limit-connections': '1' }, 1],
    ['2', { 'limit-connections': '2' }, 2],
    ['0: no limit', { 'limit-connections': '0' }, 3],
    ['nonsense: denied', { 'limit-connections': 'one' }, 0],
  ])('%s', async (_, annotations, expected) => {
    const { held, begin } = await holding(annotations);
    const clients = [];
    let refused = 0;
    for (let i = 0; i < 3; i++) {
      const client = await begin();
      // Either is seen before the next one comes.
      await eventually(() => held.length + refused + (client.buffer === '' ? 0 : 1) === i + 1);
      if (client.buffer !== '') {
        refused++;
        expect((await client.response()).status).toBe(503);
      } else clients.push(client);
    }
    expect(held.length).toBe(expected);
    expect(refused).toBe(3 - expected);
    for (const socket of held) socket.write(response('late'));
    for (const client of clients) expect((await client.response()).body).toBe('late');
  });

  it('lets another in when one has ended: answered, gone, reset, timed out', async () => {
    const { held, begin } = await holding({
      'limit-connections': '1',
      'proxy-read-timeout': '1',
      'proxy-next-upstream': 'off',
    });
    const first = await begin();
    await eventually(() => held.length === 1);
    held[0]!.write(response('done'));
    expect((await first.response()).body).toBe('done');
    const gone = await begin();
    await eventually(() => held.length === 2);
    gone.socket.resetAndDestroy();
    await eventually(async () => {
      const client = await begin();
      await eventually(() => client.buffer !== '' || held.length === 3);
      return held.length === 3;
    });
    held[2]!.resetAndDestroy();
    const late = await begin();
    await eventually(() => held.length === 4);
    expect((await late.response()).status).toBe(504);
    await begin();
    await eventually(() => held.length === 5);
  });

  it('beyond it: limit-conn-status-code; the request counts for limit-rpm all the same, as in nginx', async () => {
    const annotations = { 'limit-connections': '1', 'limit-rpm': '1', 'limit-burst-multiplier': '2' };
    const { held, begin } = await holding(annotations, { limitConnStatus: 429 });
    await begin();
    await eventually(() => held.length === 1);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await (await begin()).response()).status);
    expect(statuses).toEqual([429, 429, 503]);
    const other = await begin('192.0.2.2');
    await eventually(() => held.length === 2);
    expect(other.buffer).toBe('');
  });
});
