/** Asks a data plane in front of backends that say which of them was asked for what: an answer is one line. */
import type { KubeObject } from '../../src/model/objects.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { ingress, serve, service, type IngressText } from './ingress.ts';
import { response, type TestProxy } from './proxy.ts';
import { RawClient } from './raw-client.ts';
import type { Stage } from './stage.ts';

export interface Asked {
  readonly proxy: TestProxy;
  readonly diagnostics: readonly Diagnostic[];
  /**
   * `200 app /x` where the backend `app` was asked for `/x`, with ` prefix=/p` if it got an X-Forwarded-Prefix; else the status, and
   * where a redirect leads. `host`: app.example.
   */
  readonly get: (target: string, host?: string, fields?: string) => Promise<string>;
  /** The same over TLS, with this name in the handshake. */
  readonly getTls: (target: string, host?: string) => Promise<string>;
}

export interface AskSettings {
  readonly translate?: Partial<TranslateSettings>;
  readonly proxy?: Partial<ProxySettings>;
}

/** Serves Ingresses. The Services `app`, `api` and `other` have a backend each. */
export async function ask(stage: Stage, ingresses: readonly KubeObject[], settings: AskSettings = {}): Promise<Asked> {
  const objects: KubeObject[] = [...ingresses];
  for (const name of ['app', 'api', 'other']) {
    const backend = await stage.backend((head) => {
      const prefix = /\r\nx-forwarded-prefix: ([^\r]*)/i.exec(head)?.[1];
      return response(`${name} ${head.split(' ', 2)[1]}${prefix === undefined ? '' : ` prefix=${prefix}`}`);
    });
    objects.push(...service(name, [backend.port]));
  }
  const proxy = await serve(objects, settings);
  stage.watched(proxy);
  const one = async (client: RawClient, target: string, host: string, fields: string): Promise<string> => {
    client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`);
    const { status, headers, body } = await client.response();
    client.socket.destroy();
    const locations = headers.get('location') ?? [];
    if (locations.length > 1) throw new Error('more than one Location');
    return locations.length === 1 ? `${status} ${locations[0]}` : status === 200 ? `200 ${body}` : String(status);
  };
  return {
    proxy,
    diagnostics: proxy.diagnostics,
    get: async (target, host = 'app.example', fields = '') => one(await RawClient.connect(proxy.port), target, host, fields),
    getTls: async (target, host = 'app.example') =>
      one(await RawClient.connectTls(proxy.httpsPort, { servername: host.replace(/:\d+$/, '') }), target, host, ''),
  };
}

/** One Ingress of the host app.example. */
export async function askOne(
  stage: Stage,
  annotations: Readonly<Record<string, unknown>>,
  text: IngressText = {},
  settings: AskSettings = {},
): Promise<Asked> {
  return ask(stage, [ingress(annotations, text)], settings);
}

/** What is wrong, as `CODE annotation`. */
export function told(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics
    .filter(({ code }) => code !== 'SecretNotFound')
    .map(({ code, field }) => `${code} ${/\/([a-z-]+)\]$/.exec(field)?.[1] ?? field}`);
}
