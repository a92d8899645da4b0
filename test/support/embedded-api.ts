/** An embedded API server for one test file, and raw HTTP to it. */
import { startApiServer } from '../../src/cluster/embedded/api/server.ts';
import type { ApiServer, ApiServerOptions } from '../../src/cluster/embedded/api/server.ts';
import { isObject } from '../../src/cluster/embedded/api/json.ts';
import type { JsonObject } from '../../src/cluster/embedded/api/json.ts';

/** What came back: the status, the headers and the parsed body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
}

export interface CallOptions {
  /** An object is sent as JSON, text as it is. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** One event of a watch; `end` when the stream ended, with the error if it was cut. */
export interface WatchStream {
  readonly status: number;
  /** The next event. Rejects when the stream ends instead. */
  readonly next: () => Promise<{ type: string; object: JsonObject }>;
  /** All of the rest. */
  readonly rest: () => Promise<{ type: string; object: JsonObject }[]>;
  readonly close: () => void;
}

export class TestApi {
  readonly server: ApiServer;
  readonly #streams: AbortController[] = [];

  constructor(server: ApiServer) {
    this.server = server;
  }

  static async start(options: Partial<ApiServerOptions> = {}): Promise<TestApi> {
    return new TestApi(await startApiServer({ port: 0, ...options }));
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.abort();
    await this.server.close();
  }

  /** Calls and parses the body as JSON. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, type = 'application/json', accept = 'application/json', signal } = options;
    const response = await fetch(this.server.url + path, {
      method,
      headers: { accept, 'content-type': type, 'user-agent': 'unit-test/1' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : { text };
    return { status: response.status, headers: response.headers, body: isObject(parsed) ? parsed : {} };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  /** Creates, and fails the test when that is refused. */
  async create(path: string, object: unknown): Promise<JsonObject> {
    const answer = await this.call('POST', path, { body: object });
    if (answer.status !== 201) throw new Error(`creating failed: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async watch(path: string, accept = 'application/json'): Promise<WatchStream> {
    const controller = new AbortController();
    this.#streams.push(controller);
    const response = await fetch(this.server.url + path, { headers: { accept }, signal: controller.signal });
    const lines = linesOf(response);
    return {
      status: response.status,
      next: async () => {
        const line = await lines.next();
        if (line.done === true) throw new Error('the watch ended');
        return parse(line.value);
      },
      rest: async () => {
        const events: { type: string; object: JsonObject }[] = [];
        for await (const line of lines) events.push(parse(line));
        return events;
      },
      close: () => {
        controller.abort();
      },
    };
  }
}

function parse(line: string): { type: string; object: JsonObject } {
  return JSON.parse(line) as { type: string; object: JsonObject };
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of response.body ?? []) {
    pending += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    yield* lines;
  }
  if (pending !== '') yield pending;
}

/** The names of the items of a list. */
export function namesOf(list: JsonObject): string[] {
  const items = Array.isArray(list['items']) ? (list['items'] as unknown[]) : [];
  return items.map((item) => (item as { metadata: { name: string } }).metadata.name);
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
export const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

/** A ConfigMap, with labels if there are any. */
export function configMap(name: string, data: Record<string, string> = {}, labels?: Record<string, string>): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels === undefined ? {} : { labels }) }, data };
}

/** A Deployment of one container. */
export function deployment(name: string, replicas = 1): JsonObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  };
}

/** An Ingress of one path. */
export function ingress(name: string, host = 'example.com'): JsonObject {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  };
}
