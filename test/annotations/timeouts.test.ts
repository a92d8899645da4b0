/** How long a backend may take: `proxy-connect-timeout`, `proxy-send-timeout`, `proxy-read-timeout`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RoutePolicies } from '../../src/model/policies.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { blackHole } from '../support/black-hole.ts';
import { ingress, serve, service, translated } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** What the annotations come to for the route, and what is said of them. */
function policiesOf(annotations: Readonly<Record<string, unknown>>): [RoutePolicies | undefined, readonly string[]] {
  const { patch, diagnostics } = translated([ingress(annotations), ...service('app', [1])]);
  const host = patch.hosts.find((one) => one.host === 'app.example');
  return [host?.routes[0]?.policies, diagnostics.map(({ severity, field }) => `${severity} ${field.split('/')[1]}`)];
}

const NAMES = [
  ['proxy-connect-timeout', 'upstreamConnectTimeout'],
  ['proxy-send-timeout', 'upstreamSendTimeout'],
  ['proxy-read-timeout', 'upstreamReadTimeout'],
] as const;

describe.each(NAMES)('%s', (name, setting) => {
  it.each([
    ['absent: that of the ConfigMap', {}, {}],
    ['seconds', { [name]: '7' }, { [setting]: 7000 }],
    ['with spaces and a sign', { [name]: ' +7 ' }, { [setting]: 7000 }],
    ['an hour', { [name]: '3600' }, { [setting]: 3_600_000 }],
    ['as long as can be', { [name]: '2147483' }, { [setting]: 2_147_483_000 }],
  ])('%s', (_, annotations, timeouts) => {
    expect(policiesOf(annotations)).toEqual([Object.keys(timeouts).length === 0 ? {} : { timeouts }, []]);
  });

  it.each(['60s', '0', '-1', '1.5', '0x10', '2147484', 'never', '"; }', '\u0000', 'x'.repeat(65_536)])(
    '%j is none: that of the ConfigMap, and it says so',
    (value) => {
      expect(policiesOf({ [name]: value })).toEqual([{}, [`warning ${name}]`]]);
    },
  );
});

/** The status of a request when everything but one annotation would wait for a minute. */
async function statusOf(
  annotations: Readonly<Record<string, string>>,
  ports: readonly number[],
  request?: string,
): Promise<number> {
  const settings: Partial<ProxySettings> = { upstreamTries: 1 };
  const proxy = await serve([ingress(annotations), ...service('app', ports)], { proxy: settings });
  stage.watched(proxy);
  return (await exchange(proxy.port, request ?? 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status;
}

describe('beyond', () => {
  it('proxy-read-timeout: 504', async () => {
    const silent = await stage.backend(() => null);
    expect(await statusOf({ 'proxy-read-timeout': '1' }, [silent.port])).toBe(504);
  });

  it('proxy-connect-timeout: 504', async () => {
    const hole = stage.opened(await blackHole());
    expect(await statusOf({ 'proxy-connect-timeout': '1' }, [hole.port])).toBe(504);
  });

  it('proxy-send-timeout: 504', async () => {
    // It reads nothing of what it is sent.
    const deaf = await stage.backend((_, socket) => {
      socket.pause();
      return null;
    });
    const body = 'x'.repeat(8 * 1024 ** 2);
    const request = `POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const annotations = { 'proxy-send-timeout': '1', 'proxy-body-size': '0', 'proxy-request-buffering': 'on' };
    expect(await statusOf(annotations, [deaf.port], request)).toBe(504);
  });

  it('the one of another route, on a connection that both use: nothing', async () => {
    const slow = await stage.backend((head, socket) => {
      if (!head.startsWith('GET /slow')) return response('fast');
      setTimeout(() => socket.write(response('slow')), 1600);
      return null;
    });
    const objects = [
      ingress({ 'proxy-read-timeout': '1' }, { name: 'short', paths: ['/short'] }),
      ingress({}, { name: 'long', paths: ['/slow'] }),
      ...service('app', [slow.port]),
    ];
    const proxy = await serve(objects);
    stage.watched(proxy);
    const get = (path: string) => exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`);
    expect((await get('/short')).body).toBe('fast');
    expect((await get('/slow')).body).toBe('slow');
    expect(slow.received).toHaveLength(1);
  });
});
