/** `app-root`: a request for "/" of the host is sent to this path. ingress-nginx writes it into the server, so for every Ingress. */
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { redirect } from '../answer.ts';
import type { RoutePolicy } from '../policy.ts';
import { expand, parseTemplate, type Template } from '../variables/template.ts';

const PATH = /^\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%{}]*$/;
const SERVED = 'A request for "/" is served like any other.';

/** Reads and resolves it. `translate/host.ts` puts that of one route on all of its host. */
export const appRoot: RoutePolicy<Template> = {
  annotations: ['app-root'],
  notForCatchAll: true,
  read: (source) => {
    const text = source.text('app-root');
    if (text === undefined) return undefined;
    const parsed = PATH.test(text) ? parseTemplate(text) : null;
    if (parsed !== null && 'template' in parsed) return parsed.template;
    source.invalid('app-root', parsed === null ? 'a path' : `free of unknown variables ($${parsed.unknown})`, SERVED);
    return undefined;
  },
  resolve: (wish) => wish,
};

/** `$scheme` and `$http_host` are those of the connection and of the request: what a proxy in front says does not count. */
export function appRootStep({ policies }: Route): RequestStep | null {
  const { appRoot: wanted } = policies;
  if (wanted === undefined) return null;
  return (passage) => {
    if (passage.path !== '/') return null;
    return redirect(302, `${passage.variable('scheme')}://${passage.request.host}${expand(wanted, passage)}`);
  };
}
