/** Snippets in front of a backend that says what it got. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { configMapOf, startEcho } from './echo.ts';
import { ingress, serve, service, type IngressText } from './ingress.ts';
import { exchange, type RawResponse } from './raw-client.ts';
import type { Stage } from './stage.ts';

/** A running Sluice. */
export interface SnippetSite {
  readonly port: number;
  readonly httpsPort: number;
  readonly diagnostics: readonly Diagnostic[];
  /** `text`: "METHOD TARGET" or "TARGET", and lines of fields. */
  readonly ask: (text: string, host?: string) => Promise<RawResponse>;
  /** The codes of what was reported, each with the name of its annotation. */
  readonly said: readonly string[];
}

/** What is served for Ingresses with these annotations; the first is `default/web` of app.example. */
export async function snippetSite(
  stage: Stage,
  sites: readonly (readonly [annotations: Readonly<Record<string, unknown>>, text?: IngressText])[],
  settings: {
    readonly translate?: Partial<TranslateSettings>;
    readonly proxy?: Partial<ProxySettings>;
    readonly snippets?: boolean;
  } = {},
): Promise<SnippetSite> {
  const echo = stage.opened(await startEcho());
  const { translate } = configMapOf({ snippets: settings.snippets ?? true }, settings.translate);
  const objects = sites.map(([annotations, text], index) =>
    ingress(annotations, { name: index === 0 ? 'web' : `web${index}`, ...text }),
  );
  const proxy = await serve([...objects, ...service('app', [echo.port])], { translate, proxy: settings.proxy ?? {} });
  stage.watched(proxy);
  const said = proxy.diagnostics.map(({ code, field }) => `${code} ${/\/([^/]+)\]$/u.exec(field)?.[1] ?? field}`);
  return {
    port: proxy.port,
    httpsPort: proxy.httpsPort,
    diagnostics: proxy.diagnostics,
    said: [...new Set(said)],
    ask: (text, host = 'app.example') => exchange(proxy.port, requestText(text, host)),
  };
}

/** A whole request head. */
export function requestText(text: string, host: string): string {
  const [line = '', ...fields] = text.split('\n');
  const [method, target] = line.includes(' ') ? line.split(' ') : ['GET', line];
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

/** The fields of an answer that begin with "X-", and those that are named, as "name: value". */
export function fieldsOf({ headers }: RawResponse, names: readonly string[] = []): readonly string[] {
  return [...headers]
    .filter(([name]) => name.startsWith('x-') || names.includes(name))
    .flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
    .sort();
}
