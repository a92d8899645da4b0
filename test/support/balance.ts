/** Requests that are spread over backends which answer with their names, for tests. */
import type { KubeObject } from '../../src/model/objects.ts';
import { serve, service } from './ingress.ts';
import { response } from './proxy.ts';
import type { RawClient, RawResponse } from './raw-client.ts';
import type { Stage } from './stage.ts';

/** A generator of random numbers that always gives the same (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How often each text occurs. */
export function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

/** A Service whose endpoints answer `NAME-0`, `NAME-1` and so on; or `NAME`, if it has but one. */
export async function namedService(stage: Stage, name: string, endpoints = 1): Promise<KubeObject[]> {
  const backends = await Promise.all(
    Array.from({ length: endpoints }, (_, index) => stage.backend(() => response(endpoints === 1 ? name : `${name}-${index}`))),
  );
  return service(
    name,
    backends.map(({ port }) => port),
  );
}

/** What is asked; if nothing is said, `/` of `app.example`. */
export interface Question {
  readonly path?: string;
  readonly host?: string;
  /** Lines of the head, without line ends. */
  readonly fields?: readonly string[];
}

/** A running data plane and a connection to it. */
export interface Asking {
  readonly ask: (question?: Question) => Promise<RawResponse>;
  /** Who answered so many requests. */
  readonly names: (count: number, question?: Question) => Promise<string[]>;
  readonly diagnostics: readonly {
    readonly code: string;
    readonly field: string;
    readonly message: string;
    readonly served: string;
  }[];
  readonly proxy: Awaited<ReturnType<typeof serve>>;
}

/** Serves the objects and connects to them, in plain text unless `tls`. */
export async function asking(
  stage: Stage,
  objects: readonly KubeObject[],
  settings: Parameters<typeof serve>[1] = {},
  tls = false,
): Promise<Asking> {
  const proxy = await serve(objects, settings);
  stage.watched(proxy);
  const client: RawClient = tls ? await stage.tlsClient(proxy.httpsPort) : await stage.client(proxy.port);
  const ask: Asking['ask'] = ({ path = '/', host = 'app.example', fields = [] } = {}) =>
    client.request(['GET ' + path + ' HTTP/1.1', `Host: ${host}`, ...fields, '', ''].join('\r\n'));
  return {
    ask,
    names: async (count, question) => {
      const names: string[] = [];
      for (let i = 0; i < count; i++) names.push((await ask(question)).body);
      return names;
    },
    diagnostics: proxy.diagnostics,
    proxy,
  };
}
