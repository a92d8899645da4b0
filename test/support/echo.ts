/** A backend that says what it got, and the settings that tests of snippets start from. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';

export interface Echo {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/**
 * Answers with the request line, Host, and the fields that begin with "X-" but for those that only Sluice sends. A query `fields=…`
 * adds fields to the answer: "X-A:1|X-B:2"; the path `/status/NNN` gives that status.
 */
export async function startEcho(): Promise<Echo> {
  const server = http.createServer((request, response) => {
    const seen: string[] = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i]!.toLowerCase();
      if (name === 'host' || (name.startsWith('x-') && !HIDDEN.test(name))) seen.push(`${name}: ${request.rawHeaders[i + 1]}`);
    }
    const target = request.url ?? '';
    const status = Number(/^\/status\/(\d{3})/.exec(target)?.[1] ?? 200);
    const fields = /[?&]fields=([^&]*)/.exec(target)?.[1] ?? '';
    for (const field of decodeURIComponent(fields).split('|')) {
      const [name = '', value = ''] = field.split(':');
      if (name !== '') response.appendHeader(name, value);
    }
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain');
    response.statusCode = status;
    response.end(`${request.method} ${target}\n${seen.sort().join('\n')}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const HIDDEN = /^x-(?:request-id|original-forwarded-for|forwarded-(?:host|port|proto|scheme)|scheme)$/;

/** Settings as `serve` takes them: with both switches for snippets on. */
export function configMapOf(
  { snippets }: { readonly snippets: boolean },
  translate: Partial<TranslateSettings> = {},
): { readonly translate: Partial<TranslateSettings> } {
  const switches: Partial<TranslateSettings> = snippets
    ? { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' }
    : {};
  return { translate: { ...switches, ...translate } };
}
