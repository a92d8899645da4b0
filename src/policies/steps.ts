/** The acting halves of all policies, in the order of nginx's phases (reference §4, "Phase order"). */
import type { Route } from '../model/table.ts';
import { accessStep } from './access/access.ts';
import { blockedClientsStep } from './access/blocked-clients.ts';
import { externalCookies } from './external-auth/external-check.ts';
import type { RequestStep, ResponseStep, RouteSteps, StepServices } from './acting.ts';
import { opentelemetryStep } from './observe/opentelemetry.ts';
import { appRootStep } from './redirect/app-root.ts';
import { redirectStep } from './redirect/redirect.ts';
import { clientLimitsStep } from './limits/client-limits-step.ts';
import { sslRedirectStep } from './redirect/ssl-redirect.ts';
import { wwwRedirectStep } from './redirect/www-redirect.ts';
import { rewriteStep } from './rewrite/rewrite-step.ts';

/** Makes the step of one policy for a route; null: the route does not ask for it. */
type Compile<Step> = (route: Route, services: StepServices) => Step | null;

/** Server rewrite phase: for every route of a host. */
const HOST_STEPS: readonly Compile<RequestStep>[] = [blockedClientsStep, wwwRedirectStep, appRootStep];

/** Rewrite phase, then limits, then access. */
const REQUEST_STEPS: readonly Compile<RequestStep>[] = [
  // Around all others.
  opentelemetryStep,
  redirectStep,
  // One that redirects is nginx's own, and those come before what its Lua does.
  rewriteStep,
  sslRedirectStep,
  clientLimitsStep,
  accessStep,
];

const RESPONSE_STEPS: readonly Compile<ResponseStep>[] = [externalCookies];

/** The steps of a route; null: it has none, which costs nothing per request. */
export function compileSteps(route: Route, services: StepServices): RouteSteps | null {
  const denied = route.target.kind === 'answer' && route.target.denied === true;
  const host = compiled(HOST_STEPS, route, services);
  // What is denied is answered before anything of the location happens (nginx.tmpl: "return 503").
  const request = denied ? [] : compiled(REQUEST_STEPS, route, services);
  const response = denied ? [] : compiled(RESPONSE_STEPS, route, services);
  return host.length + request.length + response.length === 0 ? null : { host, request, response };
}

function compiled<Step>(list: readonly Compile<Step>[], route: Route, services: StepServices): Step[] {
  return list.map((compile) => compile(route, services)).filter((step) => step !== null);
}
