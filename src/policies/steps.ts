/** The acting halves of all policies, in the order of nginx's phases (reference §4, "Phase order"). */
import type { Route, VirtualHost } from '../model/table.ts';
import { accessStep } from './access/access.ts';
import { blockedClientsStep } from './access/blocked-clients.ts';
import { externalCookies } from './external-auth/external-check.ts';
import { RELOCATE, type RequestStep, type ResponseStep, type RouteSteps, type StepServices } from './acting.ts';
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
import {
  configurationSnippetStep,
  inputHeadersStep,
  locationFieldsStep,
  ownLocationsStep,
  serverSnippetStep,
  snippetAccessStep,
  snippetAddStep,
  snippetMoreStep,
  snippetProxyStep,
} from './snippets/running/steps.ts';

/** What of its virtual host a policy of a route may need. */
export type StepHost = Pick<VirtualHost, 'snippet'>;

/** Makes the step of one policy for a route; null: the route does not ask for it. */
type Compile<Step> = (route: Route, host: StepHost, services: StepServices) => Step | null;

/** Server rewrite phase, for every route of a host: nginx.tmpl has the server-snippet before the locations, and app-root with those. */
const HOST_STEPS: readonly Compile<RequestStep>[] = [blockedClientsStep, wwwRedirectStep, serverSnippetStep, appRootStep];

/** Locations of a host beside its routes. */
const LOCATION_STEPS: readonly Compile<RequestStep>[] = [ownLocationsStep];

/** Rewrite phase, then limits, then access, then what the backend gets. */
const REQUEST_STEPS: readonly Compile<RequestStep>[] = [
  // Around all others.
  opentelemetryStep,
  locationFieldsStep,
  corsRequestStep,
  configurationSnippetStep,
  inRewritePhase(redirectStep),
  // One that redirects is nginx's own, and those come before what its Lua does.
  inRewritePhase(rewriteStep),
  relocationStep,
  sslRedirectStep,
  inputHeadersStep,
  clientLimitsStep,
  snippetAccessStep,
  (route, _host, services) => accessStep(route, services),
  // What the backend gets.
  upstreamVhostStep,
  proxySetHeadersStep,
  upstreamConnectionStep,
  snippetProxyStep,
  mirrorStep,
];

/**
 * What the backend said, then what is said beside it: of several that set a field, the last one counts. As nginx has it: headers-more, whose
 * commands of outer levels come first (add-headers is of the http level, CORS stands in an `if` of the location), then add_header.
 */
const RESPONSE_STEPS: readonly Compile<ResponseStep>[] = [
  hideHeadersStep,
  proxyCookieStep,
  proxyRedirectStep,
  addHeadersStep,
  snippetMoreStep,
  customHeadersStep,
  corsResponseStep,
  externalCookies,
  snippetAddStep,
];

/** A directive of nginx's that comes behind those of a snippet, which may end the phase before it (`break`). */
function inRewritePhase(compile: Compile<RequestStep>): Compile<RequestStep> {
  return (route, host, services) => {
    const step = compile(route, host, services);
    if (step === null || (route.policies.snippets?.location ?? null) === null) return step;
    return (passage) => (passage.rewriting.ended ? null : step(passage));
  };
}

/** The end of the directives of the rewrite phase; what is in Lua in ingress-nginx comes behind it. */
function relocationStep({ policies }: Route): RequestStep | null {
  if (policies.snippets?.location === undefined || policies.snippets.location === null) return null;
  // A rewriting that is final (`rewrite … break`) makes up for those before it.
  return ({ rewriting, upstream }) => (rewriting.changed && upstream.target === null ? RELOCATE : null);
}

/** The steps of a route; null: it has none, which costs nothing per request. */
export function compileSteps(route: Route, virtual: StepHost, services: StepServices): RouteSteps | null {
  const denied = route.target.kind === 'answer' && route.target.denied === true;
  const host = compiled(HOST_STEPS, route, virtual, services);
  const locations = compiled(LOCATION_STEPS, route, virtual, services);
  // What is denied is answered before anything of the location happens (nginx.tmpl: "return 503").
  const request = denied ? [] : compiled(REQUEST_STEPS, route, virtual, services);
  const response = denied ? [] : compiled(RESPONSE_STEPS, route, virtual, services);
  const none = host.length + locations.length + request.length + response.length === 0;
  return none ? null : { host, locations, request, response };
}

function compiled<Step>(list: readonly Compile<Step>[], route: Route, host: StepHost, services: StepServices): Step[] {
  return list.map((compile) => compile(route, host, services)).filter((step) => step !== null);
}
