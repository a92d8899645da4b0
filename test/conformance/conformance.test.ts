/**
 * The rules of the Kubernetes documentation of Ingress through the whole chain, and where ingress-nginx differs, that too. The
 * tables beside this file have at least a row for each scenario of the features of ingress-controller-conformance.
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedCluster } from '../../src/cluster/embedded/embedded.ts';
import { CONFORMANCE_DIFFERENCES } from '../../src/translate/conformance.ts';
import { applyTo, Chain, type ChainAnswer, startCluster } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { backend, deployment, ingress } from '../support/manifests.ts';
import { RawClient } from '../support/raw-client.ts';
import { DEFAULT_BACKEND } from './default-backend.ts';
import type { Scenario } from './feature.ts';
import { HOST_RULES } from './host-rules.ts';
import { INGRESS_CLASS } from './ingress-class.ts';
import { LOAD_BALANCING } from './load-balancing.ts';
import { PATH_RULES } from './path-rules.ts';

const FEATURES: readonly (readonly [string, readonly Scenario[]])[] = [
  ['default backend', DEFAULT_BACKEND],
  ['host rules', HOST_RULES],
  ['ingress class', INGRESS_CLASS],
  ['path rules', PATH_RULES],
];
const CONFORMANCES = ['kubernetes', 'nginx'] as const;
type Conformance = (typeof CONFORMANCES)[number];

/** Where the controller says it is to be found. */
const ADDRESS = '203.0.113.10';

let cluster: EmbeddedCluster;
/** How old the next object will be. Milliseconds. */
let age = 86_400_000;
let chains: Readonly<Record<Conformance, Chain>>;

/** A controller for each column of the tables, on one cluster. Only the first writes the status. */
beforeAll(async () => {
  cluster = await startCluster({ now: () => Date.now() - age });
  const [kubernetes, nginx] = await Promise.all([
    Chain.start({ cluster, flags: ['--conformance=kubernetes', `--publish-status-address=${ADDRESS}`] }),
    Chain.start({ cluster, flags: ['--conformance=nginx', '--update-status=false', '--election-id=nginx'] }),
  ]);
  chains = { kubernetes, nginx };
  const scenarios = FEATURES.flatMap(([, list]) => list).flatMap(({ objects }) => objects);
  applyTo(cluster, ...[...servicesOf(scenarios)].flatMap(backend));
  await Promise.all([kubernetes.listening(), nginx.listening()]);
});
afterAll(async () => {
  await Promise.all(Object.values(chains).map((chain) => chain.close()));
  await cluster.close();
});

/** The Services that objects name. */
function servicesOf(objects: readonly object[]): Set<string> {
  return new Set([...JSON.stringify(objects).matchAll(/"service":\{"name":"([^"]*)"/gu)].map(([, name]) => name ?? ''));
}

/** Both controllers serve what was applied; one after the other, as they share the cluster that markers are put in. */
async function settled(): Promise<void> {
  await chains.kubernetes.settled();
  await chains.nginx.settled();
}

interface Request {
  readonly method: string;
  readonly url: string;
  readonly follow: boolean;
}

function parseRequest(text: string): Request {
  const words = text.split(' ');
  const follow = words[0] === 'follow';
  const [methodOrUrl = '', url] = follow ? words.slice(1) : words;
  return url === undefined ? { method: 'GET', url: methodOrUrl, follow } : { method: methodOrUrl, url, follow };
}

/** A redirect is followed to this controller, whatever port it names. */
async function send(chain: Chain, { method, url, follow }: Request): Promise<ChainAnswer> {
  const answer = await chain.get(url, method);
  const { location } = answer.headers;
  return follow && location !== undefined ? chain.get(location, method) : answer;
}

function answerText({ status, headers, echo }: ChainAnswer): string {
  if (status === 200 && echo !== null) return echo.pod;
  return headers.location === undefined ? String(status) : `${status} ${headers.location}`;
}

/** The addresses in the status of an Ingress. */
function addresses(name: string): unknown {
  const status = cluster.storage.resource('networking.k8s.io/v1', 'ingresses').get('default', name)?.['status'];
  return (status as { loadBalancer?: { ingress?: unknown } } | undefined)?.loadBalancer?.ingress ?? [];
}

function isPublished(name: string): boolean {
  return JSON.stringify(addresses(name)) === JSON.stringify([{ ip: ADDRESS }]);
}

describe.each(FEATURES)('%s', (_feature, scenarios) => {
  describe.each(scenarios)('$name', ({ objects, cases, published = [], unpublished = [], certificates = [] }) => {
    beforeAll(async () => {
      for (const object of objects) {
        // Dates have seconds.
        age -= 1000;
        applyTo(cluster, object);
      }
      await settled();
    });
    afterAll(async () => {
      cluster.delete(objects);
      await settled();
    });

    const rows = CONFORMANCES.flatMap((conformance) =>
      cases.map(({ request, answer, nginx }) => ({
        conformance,
        request,
        expected: conformance === 'nginx' ? (nginx?.answer ?? answer) : answer,
      })),
    );
    it.each(rows)('$conformance: $request → $expected', async ({ conformance, request, expected }) => {
      const sent = parseRequest(request);
      const answer = await send(chains[conformance], sent);
      expect(answerText(answer)).toBe(expected);
      if (answer.echo === null || sent.follow) return;
      // What the features ask of every answer that a backend gave, and of the request that it got.
      const [, host, path] = /^https?:\/\/([^/]*)(.*)$/u.exec(sent.url) ?? [];
      expect(answer.echo).toMatchObject({ method: sent.method, path, host, httpVersion: '1.1' });
      expect(answer.echo.headers['user-agent']).toBe('chain/1');
      expect(Object.keys(answer.headers)).toEqual(expect.arrayContaining(['content-length', 'content-type', 'date']));
    });

    it.each(published)('the status of %s shows the address of the controller', async (name) => {
      await eventually(() => isPublished(name));
    });

    it.each(unpublished)('the status of %s shows no address', async (name) => {
      // Once a younger Ingress has its address, those before it have been looked at.
      const after = ingress('after', 'after.test Prefix / control');
      applyTo(cluster, after);
      await eventually(() => isPublished('after'));
      expect(addresses(name)).toEqual([]);
      cluster.delete([after]);
    });

    it.each(certificates)('TLS connections for $host get its certificate', async ({ host, pem }) => {
      for (const conformance of CONFORMANCES) {
        const right = await chains[conformance].get(`https://${host}/`);
        expect(right.certificate).toEqual(new X509Certificate(pem).raw);
        const other = await chains[conformance].get('https://another.test/');
        expect(other.certificate).not.toEqual(right.certificate);
      }
    });
  });
});

describe.each(CONFORMANCES)('load balancing with --conformance=%s', (conformance) => {
  const balanced = ingress('load-balancing', '', { defaultBackend: 'spread' });
  afterAll(async () => {
    cluster.delete([balanced, ...deployment('spread', 1)]);
    await settled();
  });

  it.each(LOAD_BALANCING)('$pods Pods answer $each each of $requests requests, connections: $connections', async (row) => {
    applyTo(cluster, balanced, ...deployment('spread', row.pods));
    await settled();
    const chain = chains[conformance];
    await eventually(async () => (await endpointsOf(chain, 'spread')) === row.pods);
    const seen = new Map<string, number>();
    const count = (pod: string): unknown => seen.set(pod, (seen.get(pod) ?? 0) + 1);
    if (row.connections === 'one') {
      const client = await RawClient.connect(chain.httpPort);
      for (let i = 0; i < row.requests; i += 1) {
        const { body } = await client.request('GET / HTTP/1.1\r\nHost: load-balancing\r\n\r\n');
        count((JSON.parse(body) as { pod: string }).pod);
      }
      client.close();
    } else {
      for (let i = 0; i < row.requests; i += 1) count(answerText(await chain.get('http://load-balancing/')));
    }
    expect([...seen.values()]).toEqual(Array.from({ length: row.pods }, () => row.each));
  });
});

/** How many endpoints the workers have for a Service. */
async function endpointsOf(chain: Chain, service: string): Promise<number> {
  const { groups } = await chain.configuration();
  const found = (groups as { service: string; endpoints: unknown[] }[]).find((group) => group.service === service);
  return (await chain.ready()).status === 200 ? (found?.endpoints.length ?? 0) : 0;
}

it('every difference that is listed is shown by a row', () => {
  const shown = FEATURES.flatMap(([, scenarios]) =>
    scenarios.flatMap(({ cases }) => cases.map(({ nginx }) => nginx?.difference)),
  );
  expect(new Set(shown.filter((name) => name !== undefined))).toEqual(new Set(CONFORMANCE_DIFFERENCES.map(({ name }) => name)));
});
