/** A route as a worker uses it: its groups at hand, its policies made into functions, once per change of the table. */
import { equalData } from '../../model/diff.ts';
import type { RoutePolicies } from '../../model/policies.ts';
import type { ClientAuth, Route, RouteTarget, VirtualHost } from '../../model/table.ts';
import type { RouteSteps, StepServices } from '../../policies/acting.ts';
import { compileSteps } from '../../policies/steps.ts';
import { tuningOf } from '../../policies/traffic/tuning.ts';
import { clientGate, type ClientGate } from '../client-auth/check.ts';
import { compileErrors, type RouteErrors } from './route-errors.ts';
import type { Recorder } from '../record/recorder.ts';
import type { RouteSeries } from '../record/route-series.ts';
import type { Groups, LiveGroup } from '../upstream/group.ts';
import type { TransportWish } from '../upstream/transport.ts';
import { tuning, type Tuning } from './tuned-settings.ts';

/** The group of a route, and the one in its place when it has no endpoint. */
export interface GroupPair {
  readonly group: LiveGroup;
  readonly fallback: LiveGroup | null;
}

export interface CompiledRoute {
  readonly model: Route;
  /** The virtual host it is of. */
  readonly host: string;
  readonly target:
    | ({
        readonly kind: 'group';
        /** For clients that speak TLS, where backends are spoken to as their client speaks. */
        readonly overTls: GroupPair | null;
      } & GroupPair)
    | { readonly kind: 'answer'; readonly status: 404 | 503 };
  /** Where its requests are counted. */
  readonly series: RouteSeries;
  /** Of the host; null: it asks for no client certificates. */
  readonly clientAuth: ClientAuth | null;
  readonly clientGate: ClientGate | null;
  /** Null: its errors are its own. */
  readonly errors: RouteErrors | null;
  /** What its policies do; null for a plain route. */
  readonly steps: RouteSteps | null;
  /** What it has otherwise than the settings say; null: nothing. */
  readonly tuning: Tuning | null;
}

/** Compiles a route of `host`. */
export function compileRoute(
  model: Route,
  virtual: Pick<VirtualHost, 'host' | 'tls' | 'snippet'>,
  groups: Groups,
  recorder: Recorder,
  services: StepServices,
): CompiledRoute {
  const { host, tls } = virtual;
  const { target } = model;
  const clientAuth = tls?.clientAuth ?? null;
  return {
    model,
    host,
    target: target.kind === 'answer' ? target : { kind: 'group', ...compileTarget(target, model.policies, groups) },
    clientAuth,
    clientGate: clientAuth === null ? null : clientGate(clientAuth, model.path),
    errors: compileErrors(model, groups),
    steps: compileSteps(model, virtual, services),
    tuning: tuning(tuningOf(model.policies)),
    // Last: a series that is opened must be closed, and what comes before may throw.
    series: recorder.open(model, host),
  };
}

/** Where a route leads for this client; null: to an answer of our own. */
export function wayOf({ target }: CompiledRoute, { scheme }: { readonly scheme: string }): GroupPair | null {
  if (target.kind === 'answer') return null;
  return target.overTls !== null && scheme === 'https' ? target.overTls : target;
}

/** Every group of a route, once or more. */
export function groupsOf({ target, errors }: CompiledRoute): readonly LiveGroup[] {
  const ofErrors = errors?.groups ?? [];
  if (target.kind === 'answer') return ofErrors;
  return [target, target.overTls]
    .flatMap((pair) => [pair?.group ?? null, pair?.fallback ?? null])
    .filter((group) => group !== null)
    .concat(ofErrors);
}

function compileTarget(
  target: Extract<RouteTarget, { kind: 'group' }>,
  { backendProtocol, proxySsl }: RoutePolicies,
  groups: Groups,
): GroupPair & { readonly overTls: GroupPair | null } {
  const pair = (protocol: TransportWish['protocol']): GroupPair => {
    const wish = { protocol, tls: proxySsl ?? null };
    const { fallback } = target;
    return { group: groups.get(target.group, wish), fallback: fallback === null ? null : groups.get(fallback, wish) };
  };
  if (backendProtocol === 'AUTO_HTTP') return { ...pair('HTTP'), overTls: pair('HTTPS') };
  return { ...pair(backendProtocol ?? null), overTls: null };
}

/** The host with nothing but the answer 503, for one that cannot be compiled. */
export function unavailableHost({ host, certificate, tls }: VirtualHost): VirtualHost {
  const match = { exact: null, prefix: '/', slashRedirect: null };
  const target = { kind: 'answer', status: 503 } as const;
  return {
    host,
    certificate,
    tls,
    routes: [{ match, path: '/', pathType: 'Prefix', target, policies: {}, ingress: null, service: null }],
    passthrough: null,
  };
}

/** Do requests fare the same on both: the same backends, under the same policies? */
export function treatedAlike(a: CompiledRoute, b: CompiledRoute): boolean {
  const sameTarget =
    a.target.kind === 'group' && b.target.kind === 'group'
      ? a.target.group === b.target.group && a.target.fallback === b.target.fallback
      : a.target.kind === 'answer' && b.target.kind === 'answer' && a.target.status === b.target.status;
  return sameTarget && equalData(a.model.policies, b.model.policies);
}
