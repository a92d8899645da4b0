/** Which errors of a route are answered by another backend, as a worker uses it. */
import type { CustomErrors } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { Groups, LiveGroup } from '../upstream/group.ts';

export interface RouteErrors {
  readonly codes: ReadonlySet<number>;
  /** Those that the route's backend answers with, too. */
  readonly intercepts: boolean;
  /** The first that has an endpoint is asked; when none has, the built-in default backend answers: 404. */
  readonly groups: readonly LiveGroup[];
}

/** Null: the route's errors are its own. */
export function compileErrors({ policies, target }: Route, groups: Groups): RouteErrors | null {
  const { customErrors, backendProtocol = 'HTTP' } = policies;
  if (customErrors === undefined || (target.kind === 'answer' && target.denied === true && customErrors.ofIngress)) return null;
  return {
    codes: new Set(customErrors.codes),
    // nginx intercepts what proxy_pass gets, not what grpc_pass does.
    intercepts: intercepts(customErrors, backendProtocol.startsWith('GRPC')),
    groups: customErrors.backends.map((id) => groups.get(id)),
  };
}

function intercepts({ ownOnly }: CustomErrors, grpc: boolean): boolean {
  return !ownOnly && !grpc;
}

/** Who is asked now; null: nobody. */
export function errorGroup({ groups }: RouteErrors): LiveGroup | null {
  return groups.find(({ targets }) => targets.length > 0) ?? null;
}
