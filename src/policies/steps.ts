/** The acting halves of all policies, in the order of nginx's phases (reference §4, "Phase order"). */
import type { Route } from '../model/table.ts';
import type { RequestStep, ResponseStep, RouteSteps } from './acting.ts';
import { corsRequestStep, corsResponseStep } from './cors/cors.ts';
import { customHeadersStep } from './headers/custom-headers.ts';
import { addHeadersStep, hideHeadersStep, proxySetHeadersStep } from './headers/global-headers.ts';
import { proxyCookieStep } from './headers/proxy-cookie.ts';
import { proxyRedirectStep } from './headers/proxy-redirect.ts';
import { upstreamConnectionStep } from './headers/upstream-connection.ts';
import { upstreamVhostStep } from './headers/upstream-vhost.ts';
import { mirrorStep } from './mirror/mirror.ts';
import { opentelemetryStep } from './observe/opentelemetry.ts';
import { appRootStep } from './redirect/app-root.ts';
import { redirectStep } from './redirect/redirect.ts';
import { clientLimitsStep } from './limits/client-limits-step.ts';
import { sslRedirectStep } from './redirect/ssl-redirect.ts';
import { wwwRedirectStep } from './redirect/www-redirect.ts';
import { rewriteStep } from './rewrite/rewrite-step.ts';

/** Makes the step of one policy for a route; null: the route does not ask for it. */
type Compile<Step> = (route: Route) => Step | null;

/** Server rewrite phase: for every route of a host. */
const HOST_STEPS: readonly Compile<RequestStep>[] = [wwwRedirectStep, appRootStep];

/** Rewrite phase, then limits, then access. */
const REQUEST_STEPS: readonly Compile<RequestStep>[] = [
  // Around all others.
  opentelemetryStep,
  corsRequestStep,
  redirectStep,
  // One that redirects is nginx's own, and those come before what its Lua does.
  rewriteStep,
  sslRedirectStep,
  clientLimitsStep,
  // What the backend gets.
  upstreamVhostStep,
  proxySetHeadersStep,
  upstreamConnectionStep,
  mirrorStep,
];

/** What the backend said, then what is said beside it: of several that set a field, the last one counts. */
const RESPONSE_STEPS: readonly Compile<ResponseStep>[] = [
  hideHeadersStep,
  proxyCookieStep,
  proxyRedirectStep,
  addHeadersStep,
  corsResponseStep,
  customHeadersStep,
];

/** The steps of a route; null: it has none, which costs nothing per request. */
export function compileSteps(route: Route): RouteSteps | null {
  const denied = route.target.kind === 'answer' && route.target.denied === true;
  const host = compiled(HOST_STEPS, route);
  // What is denied is answered before anything of the location happens (nginx.tmpl: "return 503").
  const request = denied ? [] : compiled(REQUEST_STEPS, route);
  const response = denied ? [] : compiled(RESPONSE_STEPS, route);
  return host.length + request.length + response.length === 0 ? null : { host, request, response };
}

function compiled<Step>(list: readonly Compile<Step>[], route: Route): Step[] {
  return list.map((compile) => compile(route)).filter((step) => step !== null);
}
