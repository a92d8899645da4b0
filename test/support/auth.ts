/** For tests of who may come in: an Ingress with annotations, a backend that shows what it got, and a service that is asked. */
import type net from 'node:net';
import type { KubeObject } from '../../src/model/objects.ts';
import type { StepServices } from '../../src/policies/acting.ts';
import type { Lookup } from '../../src/proxy/upstream/resolver.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { ingress, service, serve, type IngressText } from './ingress.ts';
import { response, type RawBackend, type TestProxy } from './proxy.ts';
import { exchange, type RawResponse } from './raw-client.ts';
import type { Stage } from './stage.ts';

/** For routes that use nothing of their worker. */
export const NO_SERVICES = new Proxy({} as StepServices, {
  get: (_, name) => {
    throw new Error(`${String(name)}: there is none here`);
  },
});

/** The name by which the service of a scene is reached. */
export const AUTH_HOST = 'auth.test';

/** What of a scene is not the usual. */
export interface SceneOptions extends IngressText {
  /** What the service answers; 200 unless given. Null: nothing. */
  readonly auth?: (head: string, socket: net.Socket, connection: number) => string | Buffer | null;
  /** What the backend answers; 200 "hello" unless given. */
  readonly backend?: (head: string, socket: net.Socket, connection: number) => string | Buffer | null;
  readonly objects?: readonly KubeObject[];
  readonly translate?: Partial<TranslateSettings>;
  readonly proxy?: Partial<ProxySettings>;
  /** Of names; those of the service and of the host are known unless given. */
  readonly lookup?: Lookup;
}

/** A request and its answer. */
export type Ask = (path?: string, fields?: string, method?: string) => Promise<RawResponse>;

export interface Scene {
  readonly proxy: TestProxy;
  readonly backend: RawBackend;
  readonly service: RawBackend;
  /** `host:port` of the service. */
  readonly authority: string;
  /** What is wrong with the objects: code, field and object. */
  readonly diagnostics: readonly string[];
  /** On a connection of its own. `fields`: lines with CRLF. */
  readonly ask: Ask;
  /** The heads that the service got, and those that the backend got. */
  readonly asked: () => readonly string[];
  readonly proxied: () => readonly string[];
}

/** Serves an Ingress `app.example` with these annotations; `AUTH` in a value is the service's `host:port`. */
export async function scene(
  stage: Stage,
  annotations: Readonly<Record<string, unknown>>,
  options: SceneOptions = {},
): Promise<Scene> {
  const {
    auth = () => response(''),
    backend: answers = () => response('hello'),
    objects = [],
    translate = {},
    proxy,
  } = options;
  const backend = await stage.backend(answers);
  const authService = await stage.backend(auth);
  const authority = `${AUTH_HOST}:${authService.port}`;
  const filled = (value: unknown): unknown => (typeof value === 'string' ? value.replaceAll('AUTH', authority) : value);
  const values = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [name, filled(value)]));
  const settings = Object.fromEntries(Object.entries(translate).map(([name, value]) => [name, filled(value)]));
  const served = await serve([ingress(values, options), ...service('app', [backend.port]), ...objects], {
    translate: settings,
    ...(proxy && { proxy }),
    lookup:
      options.lookup ??
      ((name, done) => done(name === AUTH_HOST || name === 'app.example' ? null : new Error('unknown'), ['127.0.0.1'])),
  });
  stage.watched(served);
  return {
    proxy: served,
    backend,
    service: authService,
    authority,
    diagnostics: served.diagnostics.map(
      ({ code, field, object }) => `${code} ${object.kind} ${object.name} ${field.replace('nginx.ingress.kubernetes.io/', '')}`,
    ),
    ask: (path = '/', fields = '', method = 'GET') =>
      exchange(served.port, `${method} ${path} HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`),
    asked: () => headsOf(authService),
    proxied: () => headsOf(backend),
  };
}

/** Heads of requests without a body. */
function headsOf({ received }: RawBackend): string[] {
  return received.flatMap((text) => text.split('\r\n\r\n').filter((head) => head !== ''));
}

/** The value of a field in a head; several of one name, joined by " | ". Undefined: there is none. */
export function fieldIn(head: string | undefined, name: string): string | undefined {
  const lines = (head ?? '').split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(name.length + 1).trim()).join(' | ');
}

/** A field of Authorization for a name and a password. */
export function basic(user: string, password: string | Buffer): string {
  return `Authorization: Basic ${Buffer.concat([Buffer.from(`${user}:`), Buffer.from(password)]).toString('base64')}\r\n`;
}

/** An answer of a service. */
export function answer(status: number, fields = '', body = ''): string {
  return `HTTP/1.1 ${status} x\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}
