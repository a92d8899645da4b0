/** Requests for the backend that stands in: for a Service without endpoints, or for an error (nginx.tmpl, "CUSTOM_ERRORS"). */
import type { Route } from '../../model/table.ts';
import { identityFields } from '../../policies/access/access.ts';
import { fieldValue, RequestChanges } from '../../policies/changes.ts';
import type { RequestHead } from '../http1/head/request-head.ts';
import type { Asked } from '../upstream/stream.ts';

/** A request of our own, made of the client's. */
export interface InternalRequest {
  readonly asked: Asked;
  readonly changes: RequestChanges;
}

/** What such a backend is told, and a client must not say. */
const TOLD = ['x-code', 'x-format', 'x-namespace', 'x-ingress-name', 'x-service-name', 'x-service-port', 'x-original-uri'];
/** What a request without a body does not have, nor one that ends here. */
const OF_BODY = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect'];

function lines({ ingress, service }: Route, code: number, accept: string): string {
  const fields: readonly (readonly [string, string])[] = [
    ['X-Code', String(code)],
    ['X-Format', accept],
    ['X-Namespace', ingress?.namespace ?? ''],
    ['X-Ingress-Name', ingress?.name ?? ''],
    ['X-Service-Name', service?.name ?? ''],
    ['X-Service-Port', service?.port ?? ''],
  ];
  // As nginx, which does not send a field whose value is empty.
  return fields.map(([name, value]) => (value === '' ? '' : `${name}: ${fieldValue(value)}\r\n`)).join('');
}

/** What policies want of a request, and what an Ingress's own default backend is told about the Service it stands in for. */
export function fallbackChanges(before: RequestChanges | null, route: Route, accept: string): RequestChanges {
  const changes = new RequestChanges();
  if (before !== null) Object.assign(changes, before, { removed: [...before.removed] });
  // The request itself is the client's: it has its own URI, and may be told it by `proxy-add-original-uri-header`.
  changes.replace(TOLD.slice(0, -1), lines(route, 503, accept));
  return changes;
}

/** The request for the page of an error: "/", with what the client asked for in its fields. */
export function errorRequest(route: Route, head: RequestHead, code: number): InternalRequest {
  const { method, accept, target } = head;
  const asked = {
    method: method === 'HEAD' ? 'HEAD' : 'GET',
    chunked: false,
    upgrade: '',
    acceptsTrailers: false,
    closes: false,
  };
  const changes = new RequestChanges();
  changes.method = asked.method;
  // Nobody may have authenticated the client.
  const sent = route.policies.externalAuth === undefined ? [] : head.lines().map(([name]) => name);
  changes.removed.push(...OF_BODY, ...identityFields(route.policies, sent));
  changes.replace(TOLD, `${lines(route, code, accept)}X-Original-URI: ${target}\r\n`);
  return { asked, changes };
}
