/** Host and path → route, in time that does not depend on how many routes there are. */
import { CATCH_ALL_HOST, type VirtualHost } from '../../model/table.ts';
import { HostAliases } from './host-aliases.ts';
import { hostName } from './host.ts';
import { MatchCache } from './match-cache.ts';
import { eagerPath, pathBytes, readPath } from './path.ts';
import { PatternRoutes, TooMuchWork } from './pattern-routes.ts';

/** A node of the tree of path prefixes: one level per segment. */
interface PrefixNode<R> {
  readonly children: Map<string, PrefixNode<R>>;
  /** The route whose prefix ends here. */
  route: R | null;
}

/** The routes of one host, ready for look-up. */
interface CompiledHost<R> {
  readonly exact: Map<string, R>;
  /** Paths that are answered with a redirect to themselves with a final "/". */
  readonly slashRedirects: Map<string, R>;
  readonly prefixes: PrefixNode<R>;
  /** Null: its paths are text. */
  readonly patterns: PatternRoutes<R> | null;
}

/** What a look-up found. `slashRedirect`: the answer is 301 to the path with "/" appended. */
export interface RouteMatched<R> {
  route: R | null;
  slashRedirect: boolean;
  /** The path cannot be normalised, or a backend might take it for one of another route: 400. */
  badPath: boolean;
  /** The path that was matched: normalised. */
  path: string;
  /** The path to forward in place of the one sent; null: that one. */
  forwarded: string | null;
}

/** Host names as clients write them that are remembered; more are worked out again. */
const REMEMBERED_HOSTS = 4096;
/** The one label a wildcard stands for, as ingress-nginx writes it: `[\w-]+`. */
const WILDCARD_LABEL = /^[\w-]+$/;

/** The same text in memory of its own: a slice of a head would keep all of that head, for as long as it is remembered. */
function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

export class Router<R> {
  readonly #hosts = new Map<string, CompiledHost<R>>();
  /** Raw Host → host. Bounded, and emptied when hosts come or go. */
  readonly #remembered = new Map<string, CompiledHost<R> | null>();
  readonly #found: RouteMatched<R> = { route: null, slashRedirect: false, badPath: false, path: '', forwarded: null };
  readonly #matches = new MatchCache<R>();
  readonly #aliases = new HostAliases();
  readonly #alike: (a: R, b: R) => boolean;

  /** `alike`: requests fare the same on both routes, so that it does not matter which of them a path is taken for. */
  constructor(alike: (a: R, b: R) => boolean = (a, b) => a === b) {
    this.#alike = alike;
  }

  /** Adds or replaces a host. `routes` are what the look-up returns, in the order of `host.routes`. */
  set(host: VirtualHost, routes: readonly R[]): void {
    const compiled: CompiledHost<R> = {
      exact: new Map(),
      slashRedirects: new Map(),
      prefixes: { children: new Map(), route: null },
      patterns: this.#patterns(host, routes),
    };
    for (const [index, { match }] of host.routes.entries()) {
      const route = routes[index]!;
      // The first of several with the same match wins: translation sorted them.
      if (match.exact !== null) setOnce(compiled.exact, pathBytes(match.exact), route);
      if (match.slashRedirect !== null) setOnce(compiled.slashRedirects, pathBytes(match.slashRedirect), route);
      if (match.prefix !== null) addPrefix(compiled.prefixes, pathBytes(match.prefix), route);
    }
    this.#hosts.set(host.host, compiled);
    this.#aliases.set(host.host, host.aliases);
    this.#remembered.clear();
  }

  delete(host: string): void {
    this.#forgetMatches(this.#hosts.get(host));
    this.#hosts.delete(host);
    this.#aliases.delete(host);
    this.#remembered.clear();
  }

  #patterns({ host, routes: models }: VirtualHost, routes: readonly R[]): PatternRoutes<R> | null {
    const before = this.#hosts.get(host);
    this.#forgetMatches(before);
    const list = models.flatMap(({ match: { pattern } }, index) =>
      pattern === undefined ? [] : [{ pattern, route: routes[index]! }],
    );
    return list.length === 0 ? null : new PatternRoutes(list, before === undefined ? null : before.patterns);
  }

  #forgetMatches(host: CompiledHost<R> | undefined): void {
    if (host !== undefined && host.patterns !== null) this.#matches.forget(host.patterns);
  }

  hosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  /** True if the host (as a client writes it) is one of the table, not the catch-all. */
  knows(rawHost: string): boolean {
    const host = this.#host(rawHost);
    return host !== null && host !== this.#hosts.get(CATCH_ALL_HOST);
  }

  /**
   * Finds the route. `rawPath`: the path as sent; `plain`: it needs no normalising. The result is valid until the next call.
   */
  find(rawHost: string, rawPath: string, plain: boolean): RouteMatched<R> {
    const found = this.#found;
    found.route = null;
    found.slashRedirect = false;
    found.badPath = false;
    found.forwarded = null;
    const host = this.#host(rawHost);
    found.path = rawPath;
    if (plain) {
      if (host !== null) found.route = this.#match(host, rawPath);
      return found;
    }
    const reading = readPath(rawPath);
    if (reading === null) {
      found.badPath = true;
      return found;
    }
    if (host === null) return found;
    const { path, forwarded, eager } = reading;
    found.path = path;
    this.#matchSafely(host, path, eager);
    found.forwarded = forwarded;
    return found;
  }

  /** The same for a path that a policy made: it is decoded, and matched as it is. */
  findRewritten(rawHost: string, path: string): RouteMatched<R> {
    const eager = eagerPath(path);
    const found = this.find(rawHost, path, true);
    const host = this.#host(rawHost);
    if (eager === null) found.badPath = true;
    else if (eager !== path && host !== null) this.#matchSafely(host, path, eager);
    return found;
  }

  /** `eager`: what some backends would make of the path; null: the same. */
  #matchSafely(host: CompiledHost<R>, path: string, eager: string | null): void {
    const found = this.#found;
    const other = eager === null || eager === path ? null : this.#match(host, eager);
    found.slashRedirect = false;
    found.route = this.#match(host, path);
    if (eager === null || eager === path) return;
    found.badPath ||= other !== found.route && (other === null || found.route === null || !this.#alike(other, found.route));
  }

  #match(host: CompiledHost<R>, path: string): R | null {
    const { patterns } = host;
    if (patterns === null) return match(host, path, this.#found);
    try {
      return this.#matches.find(patterns, path) ?? match(host, path, this.#found);
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error;
      this.#found.badPath = true;
      return null;
    }
  }

  #host(rawHost: string): CompiledHost<R> | null {
    let host = this.#remembered.get(rawHost);
    if (host === undefined) {
      host = this.#findHost(hostName(rawHost));
      if (this.#remembered.size >= REMEMBERED_HOSTS) this.#remembered.clear();
      this.#remembered.set(copied(rawHost), host);
    }
    return host;
  }

  /** Exact before wildcard before catch-all, aliases behind what they resemble; an exact host without a matching path does not fall back (reference §4.6). */
  #findHost(name: string): CompiledHost<R> | null {
    const exact = name === CATCH_ALL_HOST || name.startsWith('*') ? undefined : this.#hosts.get(name);
    if (exact !== undefined) return exact;
    const alias = this.#aliases.named(name);
    if (alias !== null) return this.#hosts.get(alias) ?? null;
    const dot = name.indexOf('.');
    if (dot > 0 && WILDCARD_LABEL.test(name.slice(0, dot))) {
      const wildcard = this.#hosts.get(`*${name.slice(dot)}`);
      if (wildcard !== undefined) return wildcard;
    }
    return this.#hosts.get(this.#aliases.matched(name) ?? CATCH_ALL_HOST) ?? null;
  }
}

/** The route of a normalised path, or null; says in `found` if it is only a redirect. */
function match<R>(host: CompiledHost<R>, path: string, found: RouteMatched<R>): R | null {
  if (host.exact.size > 0) {
    const exact = host.exact.get(path);
    if (exact !== undefined) return exact;
  }
  if (host.slashRedirects.size > 0) {
    const redirect = host.slashRedirects.get(path);
    if (redirect !== undefined) {
      found.slashRedirect = true;
      return redirect;
    }
  }
  return longestPrefix(host.prefixes, path);
}

function setOnce<R>(map: Map<string, R>, key: string, route: R): void {
  if (!map.has(key)) map.set(key, route);
}

/** `prefix` ends with "/": "/" is the root, "/a/b/" two levels down. */
function addPrefix<R>(root: PrefixNode<R>, prefix: string, route: R): void {
  let node = root;
  for (const segment of prefix.slice(1, -1).split('/')) {
    if (segment === '') continue;
    let child = node.children.get(segment);
    if (child === undefined) node.children.set(segment, (child = { children: new Map(), route: null }));
    node = child;
  }
  node.route ??= route;
}

/** Walks down while whole segments match: the work is bounded by the depth of the tree, whatever path a client sends. */
function longestPrefix<R>(root: PrefixNode<R>, path: string): R | null {
  let best = root.route;
  let node = root;
  let start = 1;
  while (node.children.size > 0) {
    const slash = path.indexOf('/', start);
    // A segment counts only when a "/" ends it: "/foo" itself is the exact match of the route for "/foo/".
    if (slash < 0) break;
    const child = node.children.get(path.slice(start, slash));
    if (child === undefined) break;
    node = child;
    if (node.route !== null) best = node.route;
    start = slash + 1;
  }
  return best;
}
