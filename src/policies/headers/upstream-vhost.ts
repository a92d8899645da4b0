/** `upstream-vhost`: the Host that backends get. X-Forwarded-Host stays the client's. */
import type { Template } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { fieldValue } from '../changes.ts';
import type { RoutePolicy } from '../policy.ts';
import { NAME_PATTERN } from '../values.ts';
import { expand, parseTemplate } from '../variables/template.ts';

const NAME = 'upstream-vhost';

export const upstreamVhost: RoutePolicy<Template> = {
  annotations: [NAME],
  read: (source) => {
    const text = source.text(NAME);
    if (text === undefined) return undefined;
    const served = "The client's Host is sent to the backend.";
    const parsed = NAME_PATTERN.test(text) ? parseTemplate(text) : null;
    if (parsed === null) source.invalid(NAME, 'the name of a host', served);
    else if ('unknown' in parsed) source.invalid(NAME, `a text with known variables ($${parsed.unknown} is not)`, served);
    else return parsed.template;
    return undefined;
  },
  resolve: (template) => template,
};

export function upstreamVhostStep({ policies: { upstreamVhost: template } }: Route): RequestStep | null {
  if (template === undefined) return null;
  return (passage) => {
    const host = fieldValue(expand(template, passage));
    // A variable may be empty, and a request without a Host is none.
    if (host !== '') passage.upstream.host = host;
    return null;
  };
}
