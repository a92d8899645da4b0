/**
 * Pods that go: while others are ready, one that terminates must get no new request, and finish what it has; when none is
 * ready, those that still serve must be used; when there is none at all, the answer is 503 at once, until there is one. Source:
 * Kubernetes, "EndpointSlices", conditions, as kube-proxy acts on them; reliability reference C2, C3 and C4.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, service } from '../../support/manifests.ts';
import { rawBackend, response, type RawBackend } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';
import { SWITCHING, UPGRADE } from './scenarios/websocket.ts';

type State = 'ready' | 'terminating' | 'gone';

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

let chain: Chain;
/** Three Pods that say who they are; `/hold` waits until `finish`. */
let pods: RawBackend[];
let held: (() => void)[];

beforeAll(async () => {
  held = [];
  pods = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      rawBackend((head, socket) => {
        if (head.includes('websocket')) {
          socket.removeAllListeners('data').on('data', (bytes) => socket.write(`${name}${bytes.toString()}`));
          return SWITCHING;
        }
        if (!head.startsWith('GET /hold')) return response(name);
        held.push(() => socket.write(response(`held by ${name}`)));
        return null;
      }),
    ),
  );
  chain = await (await Chain.start()).listening();
  chain.apply(service('app', {}), ingress('app', 'app.test Prefix / app'));
  await set('ready', 'ready', 'ready');
});

afterAll(async () => {
  await chain.close();
  for (const pod of pods) await pod.close();
});

/** Sets the Pods' conditions, one EndpointSlice each, and waits until that is served. */
async function set(...states: readonly [State, State, State]): Promise<void> {
  const slices = states.map((state, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `app-${index}`, labels: { 'kubernetes.io/service-name': 'app' } },
    addressType: 'IPv4',
    endpoints:
      state === 'gone'
        ? []
        : [
            {
              addresses: ['127.0.0.1'],
              conditions: { ready: state === 'ready', serving: true, terminating: state === 'terminating' },
            },
          ],
    ports: [{ name: 'http', port: pods[index]!.port, protocol: 'TCP' }],
  }));
  chain.apply(...slices);
  const ready = states.includes('ready');
  const used = pods.filter((_, index) => states[index] === (ready ? 'ready' : 'terminating')).map(({ port }) => port);
  used.sort((one, other) => one - other);
  await eventually(async () => (await servedPorts()).join() === used.join());
}

/** The ports of the table that the worker serves; none while it does not serve the latest. */
async function servedPorts(): Promise<number[]> {
  const { version, workers, groups } = (await chain.configuration()) as unknown as {
    readonly version: number;
    readonly workers: readonly { readonly version: number }[];
    readonly groups: readonly { readonly service: string; readonly endpoints: readonly { readonly port: number }[] }[];
  };
  if (workers.some((worker) => worker.version !== version)) return [-1];
  const endpoints = groups.find((group) => group.service === 'app')?.endpoints ?? [];
  return endpoints.map(({ port }) => port).sort((one, other) => one - other);
}

async function answers(count: number): Promise<string[]> {
  const client = await RawClient.connect(chain.httpPort);
  const bodies: string[] = [];
  for (let i = 0; i < count; i++) bodies.push((await client.request(GET)).body);
  client.close();
  return [...new Set(bodies)].sort();
}

describe('C2: a Pod that terminates while others are ready', () => {
  it('gets no new request, and finishes those it has, its upgraded connections among them', async () => {
    await set('ready', 'gone', 'gone');
    const holding = await RawClient.connect(chain.httpPort);
    holding.send('GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n');
    const finish = await eventually(() => held.pop());
    const socket = await RawClient.connect(chain.httpPort);
    expect((await socket.request(UPGRADE.replace('app.example', 'app.test'))).status).toBe(101);

    await set('terminating', 'ready', 'ready');
    expect(await answers(12)).toEqual(['b', 'c']);
    socket.send('1');
    await socket.until(() => socket.buffer === 'a1');

    await set('gone', 'ready', 'ready');
    expect(await answers(12)).toEqual(['b', 'c']);
    socket.send('2');
    await socket.until(() => socket.buffer === 'a1a2');
    finish();
    expect((await holding.response()).body).toBe('held by a');
    // On the same connection the next request goes where it may.
    expect((await holding.request(GET)).body).toMatch(/[bc]/);
    socket.close();
    holding.close();
  });

  it('gets requests again when it is ready again', async () => {
    await set('ready', 'ready', 'ready');
    expect(await answers(12)).toEqual(['a', 'b', 'c']);
  });
});

describe('C3: when no Pod is ready', () => {
  it('those that terminate and still serve are used, until one is', async () => {
    await set('terminating', 'terminating', 'gone');
    expect(await answers(8)).toEqual(['a', 'b']);
    await set('terminating', 'terminating', 'ready');
    expect(await answers(8)).toEqual(['c']);
  });
});

describe('C4: without any endpoint', () => {
  it('the answer is 503 at once, and the first that comes is used', async () => {
    await set('gone', 'gone', 'gone');
    for (let i = 0; i < 3; i++) expect((await exchange(chain.httpPort, GET)).status).toBe(503);
    // A connection that got 503 is served on when there is one.
    const client = await RawClient.connect(chain.httpPort);
    expect((await client.request(GET)).status).toBe(503);
    await set('gone', 'gone', 'ready');
    expect((await client.request(GET)).body).toBe('c');
    client.close();
  });
});
