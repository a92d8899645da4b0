/** `mirror-target`, `mirror-request-body` and `mirror-host`: a copy of every request goes to another server, whose answer nobody waits for. */
import { isIP } from 'node:net';
import type { Mirror } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { isLoopback } from '../../model/loopback.ts';
import { isDnsName } from '../../settings/values/values.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { NAME_PATTERN } from '../values.ts';
import { parseTemplate, type Template } from '../variables/template.ts';

const TARGET = 'mirror-target';
const BODY = 'mirror-request-body';
const HOST = 'mirror-host';

const NOT_COPIED = 'Requests are not copied.';

/** The server is written out: a client must not choose where copies go. */
export const mirror: RoutePolicy<Mirror> = {
  annotations: [TARGET, BODY, HOST],
  read: (source) => {
    const text = source.text(TARGET);
    if (text === undefined) return undefined;
    const parts = /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?([/?$].*)?$/.exec(text);
    if (parts === null || !NAME_PATTERN.test(text.replace(/[[\]]/g, ''))) {
      source.invalid(TARGET, 'a URL with a host, such as "http://mirror.example:8080$request_uri"', NOT_COPIED);
      return undefined;
    }
    const scheme = parts[1] === 'https' ? 'https' : 'http';
    const host = parts[2]!.replace(/^\[|\]$/g, '').toLowerCase();
    const port = parts[3] === undefined ? (scheme === 'https' ? 443 : 80) : Number(parts[3]);
    if ((isIP(host) === 0 && !isDnsName(host)) || port < 1 || port > 65_535) {
      source.invalid(TARGET, 'a URL whose host and port can be', NOT_COPIED);
      return undefined;
    }
    // Where the admin port is.
    if (isLoopback(host) || host === 'localhost') {
      source.invalid(TARGET, 'another server: it is the loopback', NOT_COPIED);
      return undefined;
    }
    const target = parts[4] === undefined ? null : readText(source, TARGET, parts[4], NOT_COPIED);
    if (target === undefined) return undefined;
    const named = source.text(HOST);
    const served = 'The host of the target is used.';
    if (named !== undefined && !NAME_PATTERN.test(named)) source.invalid(HOST, 'the name of a host', served);
    const valid = named !== undefined && NAME_PATTERN.test(named) ? readText(source, HOST, named, served) : undefined;
    return { scheme, host, port, target, hostField: valid ?? [parts[2]!], body: readBody(source) };
  },
  resolve: (wish) => wish,
};

/** The copy is made where the request goes on to its backend. What it is made of are variables, which need a passage. */
export function mirrorStep({ policies }: Route): RequestStep | null {
  return policies.mirror === undefined ? null : () => null;
}

function readText(source: AnnotationSource, name: string, text: string, served: string): Template | undefined {
  const parsed = parseTemplate(text);
  if ('template' in parsed) return parsed.template;
  source.invalid(name, `a text with known variables ($${parsed.unknown} is not)`, served);
  return undefined;
}

function readBody(source: AnnotationSource): boolean {
  const text = source.text(BODY)?.replaceAll(' ', '');
  if (text !== undefined && text !== 'on' && text !== 'off') source.invalid(BODY, '"on" or "off"', 'Bodies are copied.');
  return text !== 'off';
}
