/** Where the requests of a route are counted: a series for each method and status, shared by routes with equal labels. */
import type { Route } from '../../model/table.ts';
import type { SeriesLabels } from '../../observe/series.ts';
import type { Series, SeriesWriter } from '../../observe/series-writer.ts';

/** Methods with a label of their own; a client can invent as many as it likes. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Hosts that are told apart although no Ingress names them; further ones are counted together. */
const MAX_UNDEFINED_HOSTS = 512;

/** The labels that routes give their requests. */
type RouteLabels = Pick<SeriesLabels, 'namespace' | 'ingress' | 'service' | 'canary' | 'host' | 'path'>;

/** The series of one set of labels, by method and status. Shared by routes with equal labels, also across changes of the table. */
export interface RouteSeries {
  readonly key: string;
  readonly labels: RouteLabels;
  readonly series: Map<string, Map<number, Series>>;
  /** Of its requests that went to a canary, or whose host no Ingress names; made when there is the first. */
  variants: Map<string, RouteSeries> | null;
  /** Routes that use it now. */
  users: number;
}

export class RouteSeriesTable {
  readonly #writer: SeriesWriter;
  readonly #routes = new Map<string, RouteSeries>();
  /** Requests without a route. */
  readonly unrouted = newRouteSeries({ namespace: '', ingress: '', service: '', canary: '', host: '', path: '' });
  #undefinedHosts = 0;

  constructor(writer: SeriesWriter) {
    this.#writer = writer;
  }

  /** A route of `host` begins to be used. */
  open(route: Route, host: string): RouteSeries {
    const fresh = newRouteSeries({
      namespace: route.ingress?.namespace ?? '',
      ingress: route.ingress?.name ?? '',
      service: route.service?.name ?? '',
      canary: '',
      host,
      path: route.path,
    });
    const known = this.#routes.get(fresh.key) ?? fresh;
    this.#routes.set(known.key, known);
    known.users++;
    return known;
  }

  /** A route is no longer used; if it was the last with its labels, its series end at `sweep`. */
  close(series: RouteSeries): void {
    series.users--;
  }

  /** Ends the series of routes that are gone. Called after a whole patch, in which a route may go and come back. */
  sweep(): void {
    for (const [key, route] of this.#routes) {
      if (route.users > 0) continue;
      this.#end(route);
      this.#routes.delete(key);
    }
  }

  /** Those of its requests that went to this canary. */
  ofCanary(route: RouteSeries, canary: string): RouteSeries {
    return this.#variant(route, `canary ${canary}`, { canary });
  }

  /** Those of its requests that were for this host, in lower case; the route's own when there are too many. */
  ofHost(route: RouteSeries, host: string): RouteSeries {
    const key = `host ${host}`;
    if (route.variants?.has(key) === true) return this.#variant(route, key, { host });
    if (this.#undefinedHosts >= MAX_UNDEFINED_HOSTS) return route;
    this.#undefinedHosts++;
    return this.#variant(route, key, { host });
  }

  /** The series for one status (or class of it); `label`: what it is called. */
  series(route: RouteSeries, method: string, status: number, label: (status: number) => string): Series {
    const name = METHODS.has(method) ? method : 'OTHER';
    let byStatus = route.series.get(name);
    if (byStatus === undefined) route.series.set(name, (byStatus = new Map<number, Series>()));
    let series = byStatus.get(status);
    if (series === undefined) {
      series = this.#writer.open({ ...route.labels, method: name, status: label(status) });
      byStatus.set(status, series);
    }
    return series;
  }

  #variant(route: RouteSeries, key: string, labels: Partial<RouteLabels>): RouteSeries {
    route.variants ??= new Map();
    let variant = route.variants.get(key);
    if (variant === undefined) route.variants.set(key, (variant = newRouteSeries({ ...route.labels, ...labels })));
    return variant;
  }

  #end(route: RouteSeries): void {
    for (const byStatus of route.series.values()) for (const one of byStatus.values()) this.#writer.close(one);
    for (const [key, variant] of route.variants ?? []) {
      if (key.startsWith('host ')) this.#undefinedHosts--;
      this.#end(variant);
    }
  }
}

function newRouteSeries(labels: RouteLabels): RouteSeries {
  return { key: JSON.stringify(Object.values(labels)), labels, series: new Map(), variants: null, users: 0 };
}
