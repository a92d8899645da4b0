/** Matches a request against a routing table in the plainest way: what `RouteMatch` and `VirtualHost` say, and no index. */
import type { Route, RoutingTable } from '../../src/model/table.ts';
import { CATCH_ALL_HOST } from '../../src/model/table.ts';

/** The route of a request, and whether it is only sent to the path with a final "/". `path` is normalised, `host` lower-case. */
export function matchRoute(table: RoutingTable, host: string, path: string): { route: Route; redirect: boolean } {
  const names = [host, host.replace(/^[^.]+/, '*'), CATCH_ALL_HOST];
  const virtualHost = names.map((name) => table.hosts.get(name)).find((found) => found !== undefined);
  const routes = virtualHost?.routes ?? [];
  const exact = routes.find(({ match }) => match.exact === path);
  if (exact !== undefined) return { route: exact, redirect: false };
  const redirect = routes.find(({ match }) => match.slashRedirect === path);
  if (redirect !== undefined) return { route: redirect, redirect: true };
  const [longest] = routes
    .filter(({ match }) => match.prefix !== null && path.startsWith(match.prefix))
    .sort((a, b) => length(b) - length(a));
  if (longest === undefined) throw new Error(`no route for ${host}${path}`);
  return { route: longest, redirect: false };
}

function length({ match }: Route): number {
  return match.prefix?.length ?? 0;
}
