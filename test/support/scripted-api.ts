/** A Kubernetes API server over real HTTP that does by default what a real one would, and anything else when a test scripts it. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from '../../src/observe/log.ts';
import { freePort } from './ports.ts';
import { createKubeClient } from '../../src/cluster/http/kube-client.ts';
import type { KubeClient } from '../../src/cluster/http/kube-client.ts';
import { SYSTEM_TIMING } from '../../src/cluster/timing.ts';
import type { Timing } from '../../src/cluster/timing.ts';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Answers a request; returning `'default'` does what a real server does. */
export type ScriptedAnswer = (request: RecordedRequest, response: ServerResponse) => 'default' | void;

type FakeObject = {
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string; labels?: Record<string, string> };
  [key: string]: unknown;
};
type FakeEvent = { readonly type: string; readonly object: FakeObject; readonly version: number };
interface Watcher {
  readonly path: string;
  readonly response: ServerResponse;
}

/** Which requests a script is for: by the kind of request and the end of the collection's path. */
export type Match = (request: RecordedRequest) => boolean;

export const listOf =
  (plural: string): Match =>
  ({ method, path, query }) =>
    method === 'GET' && path.endsWith(`/${plural}`) && !query.has('watch');

export const watchOf =
  (plural: string): Match =>
  ({ method, path, query }) =>
    method === 'GET' && path.endsWith(`/${plural}`) && query.has('watch');

export class ScriptedApi {
  readonly requests: RecordedRequest[] = [];
  readonly #scripts: { readonly match: Match; readonly answers: ScriptedAnswer[]; readonly always: boolean }[] = [];
  readonly #objects = new Map<string, FakeObject>();
  readonly #history: FakeEvent[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #version = 100;
  #compacted = 0;
  #uids = 0;

  static async start(given?: number): Promise<ScriptedApi> {
    const api = new ScriptedApi();
    const port = given ?? (await freePort());
    await new Promise<void>((resolve) => {
      api.#server.listen(port, '127.0.0.1', resolve);
    });
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** The next matching requests get these answers, one each. */
  script(match: Match, ...answers: ScriptedAnswer[]): void {
    this.#scripts.push({ match, answers, always: false });
  }

  /** All matching requests get this answer, until the returned function is called. */
  always(match: Match, answer: ScriptedAnswer): () => void {
    const script = { match, answers: [answer], always: true };
    this.#scripts.push(script);
    return () => {
      this.#scripts.splice(this.#scripts.indexOf(script), 1);
    };
  }

  count(match: Match): number {
    return this.requests.filter(match).length;
  }

  /** Creates or replaces an object at `/api/v1/namespaces/x/secrets`-like paths, and tells the watches. Returns it with its version. */
  put(collection: string, object: FakeObject, options: { silent?: boolean } = {}): FakeObject {
    const path = `${collection}/${object.metadata.name}`;
    const known = this.#objects.get(path);
    this.#version += 1;
    const uid = object.metadata.uid ?? known?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(this.#version) } };
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
    if (namespace !== undefined) {
      stored.metadata.namespace = namespace;
    }
    this.#objects.set(path, stored);
    this.#publish(collection, known ? 'MODIFIED' : 'ADDED', stored, options.silent ?? false);
    return stored;
  }

  remove(collection: string, name: string, options: { silent?: boolean } = {}): void {
    const known = this.#objects.get(`${collection}/${name}`);
    if (known) {
      this.#version += 1;
      this.#objects.delete(`${collection}/${name}`);
      const object = { ...known, metadata: { ...known.metadata, resourceVersion: String(this.#version) } };
      this.#publish(collection, 'DELETED', object, options.silent ?? false);
    }
  }

  get(path: string): FakeObject | undefined {
    return this.#objects.get(path);
  }

  /** Watches that begin before now get 410. */
  compact(): void {
    this.#compacted = this.#version;
  }

  /** Open watches of a collection. */
  watching(plural: string): number {
    return [...this.#watchers].filter(({ path }) => path.endsWith(`/${plural}`)).length;
  }

  /** Writes these bytes into the open watches of a collection. */
  write(plural: string, bytes: string | Uint8Array): void {
    this.#each(plural, (response) => response.write(bytes));
  }

  send(plural: string, type: string, object: unknown): void {
    this.write(plural, `${JSON.stringify({ type, object })}\n`);
  }

  /** `end` as a server does at its timeout, `reset` as a network does. */
  drop(plural: string, how: 'end' | 'reset'): void {
    this.#each(plural, (response) => (how === 'end' ? response.end() : response.socket?.resetAndDestroy()));
  }

  #each(plural: string, call: (response: ServerResponse) => unknown): void {
    for (const { path, response } of this.#watchers) {
      if (path.endsWith(`/${plural}`)) {
        call(response);
      }
    }
  }

  #publish(collection: string, type: string, object: FakeObject, silent: boolean): void {
    if (silent) {
      return;
    }
    this.#history.push({ type, object: { ...object, collection }, version: this.#version });
    for (const { path, response } of this.#watchers) {
      if (covers(path, collection)) {
        response.write(`${JSON.stringify({ type, object })}\n`);
      }
    }
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) {
        chunks.push(chunk as Buffer);
      }
    } catch {
      return;
    }
    const url = new URL(incoming.url ?? '/', 'http://server');
    const text = Buffer.concat(chunks).toString();
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.requests.push(request);
    const script = this.#scripts.find(({ match, answers }) => answers.length > 0 && match(request));
    const answer = script?.always ? script.answers[0] : script?.answers.shift();
    if (!answer || answer(request, response) === 'default') {
      this.#answer(request, response);
    }
  }

  #answer(request: RecordedRequest, response: ServerResponse): void {
    const { method, path, query } = request;
    const object = this.#objects.get(path.replace(/\/status$/, ''));
    const collection = path.slice(0, path.lastIndexOf('/'));
    if (method === 'GET' && query.has('watch')) {
      this.#watch(path, Number(query.get('resourceVersion')), response);
    } else if (
      method === 'GET' &&
      /\/[a-z]+(s|es)$/.test(path) &&
      !object &&
      !/\/namespaces\/[^/]+\/[^/]+\/[^/]+$/.test(path)
    ) {
      this.#list(path, query, response);
    } else if (method === 'POST') {
      const created = request.body as FakeObject;
      if (this.#objects.has(`${path}/${created.metadata.name}`)) {
        fail(response, 409, 'AlreadyExists');
      } else {
        json(response, 201, this.put(path, created));
      }
    } else if (!object) {
      fail(response, 404, 'NotFound');
    } else if (method === 'GET') {
      json(response, 200, object);
    } else if (method === 'PUT') {
      const update = request.body as FakeObject;
      const expected = update.metadata.resourceVersion;
      if (expected !== undefined && expected !== object.metadata.resourceVersion) {
        fail(response, 409, 'Conflict');
      } else if (path.endsWith('/status')) {
        json(
          response,
          200,
          this.put(collection.slice(0, collection.lastIndexOf('/')), { ...object, status: update['status'] }),
        );
      } else {
        json(response, 200, this.put(collection, update));
      }
    } else {
      json(response, 200, this.put(collection, { ...object, ...(request.body as object) }));
    }
  }

  #list(path: string, query: URLSearchParams, response: ServerResponse): void {
    const name = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1];
    const all = [...this.#objects]
      .filter(
        ([key, object]) =>
          covers(path, key.slice(0, key.lastIndexOf('/'))) && (name === undefined || object.metadata.name === name),
      )
      .map(([, object]) => object);
    const from = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const more = from + limit < all.length ? { continue: String(from + limit) } : {};
    json(response, 200, {
      metadata: { resourceVersion: String(this.#version), ...more },
      items: all.slice(from, from + limit),
    });
  }

  #watch(path: string, since: number, response: ServerResponse): void {
    if (since < this.#compacted) {
      fail(response, 410, 'Expired');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const { type, object, version } of this.#history) {
      const { collection, ...sent } = object;
      if (version > since && covers(path, String(collection))) {
        response.write(`${JSON.stringify({ type, object: sent })}\n`);
      }
    }
    const watcher = { path, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }
}

/** Whether a path of all or one namespace covers a collection of one namespace. */
function covers(path: string, collection: string): boolean {
  return path === collection || path === collection.replace(/\/namespaces\/[^/]+\/([^/]+)$/, '/$1');
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with a Status object. */
export function fail(response: ServerResponse, status: number, reason: string, headers: Record<string, string> = {}): void {
  json(
    response,
    status,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message: `${reason}: scripted` },
    headers,
  );
}

/** An answer that fails. */
export const failing =
  (status: number, reason: string, headers: Record<string, string> = {}): ScriptedAnswer =>
  (_request, response) =>
    fail(response, status, reason, headers);

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keepingLog(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const method = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, error: method('error'), warn: method('warn'), info: method('info'), debug: method('debug') };
}

/** A client of a plain HTTP server. */
export function clientOf(url: string, timing: Timing = SYSTEM_TIMING): KubeClient {
  const load = (): KubeConfig => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test' });
    return config;
  };
  return createKubeClient({ load, timing, log: keepingLog() });
}

/** Waits, without a limit of its own, until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
