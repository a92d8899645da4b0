/** One Ingress in front of one backend that records what it gets, for tests of annotations that read like a table of cases. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { Http2Client, type Http2Response } from './http2/stage.ts';
import { ingress, serve, service, type IngressText } from './ingress.ts';
import { response, type RawBackend, type TestProxy } from './proxy.ts';
import type { RawResponse } from './raw-client.ts';
import type { Stage } from './stage.ts';

/** What is not said: the backend answers 200 "ok", nothing else exists, the settings are the defaults. */
export interface SiteText {
  /** The whole response to a request head. */
  readonly answer?: Parameters<Stage['backend']>[0];
  readonly objects?: readonly KubeObject[];
  readonly text?: IngressText;
  readonly translate?: Partial<TranslateSettings>;
  readonly proxy?: Partial<ProxySettings>;
  /** The Service has no endpoint. */
  readonly empty?: boolean;
}

/** A running Ingress. */
export interface Site {
  readonly proxy: TestProxy;
  readonly backend: RawBackend;
  readonly diagnostics: readonly Diagnostic[];
  /** Sends `GET /` with these lines, or the request line given. */
  readonly ask: (lines?: readonly string[], requestLine?: string, body?: string) => Promise<RawResponse>;
  /** The same over HTTP/2, fields by name. */
  readonly ask2: (fields?: Readonly<Record<string, string>>, body?: string) => Promise<Http2Response>;
  /** The heads that the backend got, as lines. */
  readonly heads: () => readonly (readonly string[])[];
}

/** Serves an Ingress with these annotations, named without prefix. */
export async function site(stage: Stage, annotations: Readonly<Record<string, unknown>>, text: SiteText = {}): Promise<Site> {
  const backend = await stage.backend(text.answer ?? (() => response('ok')));
  const objects = [
    ingress(annotations, text.text),
    ...service('app', text.empty === true ? [] : [backend.port]),
    ...(text.objects ?? []),
  ];
  const proxy = await serve(objects, { translate: text.translate ?? {}, proxy: text.proxy ?? {} });
  stage.watched(proxy);
  return {
    proxy,
    backend,
    diagnostics: proxy.diagnostics,
    ask: async (lines = [], requestLine = 'GET / HTTP/1.1', body = '') => {
      const client = await stage.client(proxy.port);
      return client.request(
        `${requestLine}\r\n${['Host: app.example', 'Connection: close', ...lines].map((line) => `${line}\r\n`).join('')}\r\n${body}`,
      );
    },
    ask2: (fields = {}, body) => stage.opened(new Http2Client(proxy.httpsPort)).request(fields, body),
    heads: () => headsOf(backend),
  };
}

/** The heads that a backend got, as lines. */
export function headsOf({ received }: RawBackend): readonly (readonly string[])[] {
  return received.flatMap((text) =>
    text
      .split(/(?=(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \S+ HTTP\/1\.[01]\r\n)/)
      .filter((head) => head !== '')
      .map((head) => head.split('\r\n\r\n', 1)[0]!.split('\r\n')),
  );
}

/** The values of a field in such lines. */
export function valuesOf(lines: readonly string[], lowerName: string): readonly string[] {
  return lines
    .filter((line) => line.toLowerCase().startsWith(`${lowerName}:`))
    .map((line) => line.slice(lowerName.length + 1).trim());
}
