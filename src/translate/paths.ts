/** The paths of rules: which are accepted, and what they match. */
import type { Route, RouteMatch } from '../model/table.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';

/** `pathType` of a rule. */
export type PathType = Route['pathType'];

type Conformance = TranslateSettings['conformance'];

// ingress-nginx's strict-validate-path-type.
const STRICT_PATH = /^\/[a-z0-9._\-/]*$/i;
// Kubernetes refuses these in Exact and Prefix paths: no normalised request path has them.
const NEVER_MATCHED = /\/\/|\/\.{1,2}(\/|$)/;

/** Why the path cannot be served, or null. */
export function pathProblem(path: string, pathType: PathType, strict: boolean): string | null {
  if (!path.startsWith('/')) return 'does not begin with "/"';
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'holds control characters';
  if (pathType === 'ImplementationSpecific') return null;
  if (strict && !STRICT_PATH.test(path)) {
    return `holds characters that pathType ${pathType} does not allow (letters, digits, "/", ".", "_", "-")`;
  }
  return NEVER_MATCHED.test(path) ? 'holds an empty, "." or ".." segment, which no request path has' : null;
}

/** The type that a path is matched by: ingress-nginx rewrites ImplementationSpecific to Prefix. */
export function matchedType(pathType: PathType): 'Exact' | 'Prefix' {
  return pathType === 'Exact' ? 'Exact' : 'Prefix';
}

/** Two paths of one host with the same key conflict: the same path and the same matched type. */
export function conflictKey(path: string, pathType: PathType, conformance: Conformance): string {
  const type = matchedType(pathType);
  return `${type} ${type === 'Prefix' && conformance === 'kubernetes' ? withoutSlash(path) : path}`;
}

function withoutSlash(path: string): string {
  return path.endsWith('/') && path !== '/' ? path.slice(0, -1) : path;
}

/**
 * What the path would match if it were alone on its host. ingress-nginx: internal/ingress/controller/location.go, and nginx's
 * auto_redirect for locations that end in "/".
 */
export function expandPath(path: string, pathType: PathType, conformance: Conformance): RouteMatch {
  const exactOnly = matchedType(pathType) === 'Exact';
  if (path === '/') return exactOnly ? matchExact('/') : { exact: null, prefix: '/', slashRedirect: null };
  if (!path.endsWith('/')) return exactOnly ? matchExact(path) : { exact: path, prefix: `${path}/`, slashRedirect: null };
  if (conformance === 'nginx') {
    return { exact: path, prefix: exactOnly ? null : path, slashRedirect: path.slice(0, -1) };
  }
  return exactOnly ? matchExact(path) : { exact: path.slice(0, -1), prefix: path, slashRedirect: null };
}

function matchExact(path: string): RouteMatch {
  return { exact: path, prefix: null, slashRedirect: null };
}

/** A path and how strongly it claims what it matches. */
interface Claim {
  readonly path: string;
  readonly pathType: PathType;
}

function claim(map: Map<string, number>, key: string | null, index: number): void {
  if (key !== null && !map.has(key)) map.set(key, index);
}

/**
 * What each path of a host matches beside the others; the result has the order of the input. A request path goes to the path that
 * says so most literally: an Exact path before a Prefix, a Prefix `/foo/` before what `/foo` implies. A redirect yields to all.
 */
export function settleMatches(paths: readonly Claim[], conformance: Conformance): readonly RouteMatch[] {
  const wanted = paths.map(({ path, pathType }) => expandPath(path, pathType, conformance));
  const exact = new Map<string, number>();
  const prefix = new Map<string, number>();
  const redirect = new Map<string, number>();
  const byStrength = (
    test: (claim: Claim, match: RouteMatch) => boolean,
    take: (match: RouteMatch, index: number) => void,
  ): void => {
    paths.forEach((path, index) => {
      const match = wanted[index];
      if (match !== undefined && test(path, match)) take(match, index);
    });
  };
  byStrength(
    ({ pathType }) => pathType === 'Exact',
    (match, index) => claim(exact, match.exact, index),
  );
  byStrength(
    ({ path }, match) => match.exact === path,
    (match, index) => claim(exact, match.exact, index),
  );
  byStrength(
    ({ path }, match) => match.prefix === path,
    (match, index) => claim(prefix, match.prefix, index),
  );
  byStrength(
    () => true,
    (match, index) => {
      claim(exact, match.exact, index);
      claim(prefix, match.prefix, index);
      claim(redirect, match.slashRedirect, index);
    },
  );
  return wanted.map((match, index) => ({
    exact: match.exact !== null && exact.get(match.exact) === index ? match.exact : null,
    prefix: match.prefix !== null && prefix.get(match.prefix) === index ? match.prefix : null,
    slashRedirect:
      match.slashRedirect !== null && redirect.get(match.slashRedirect) === index && !exact.has(match.slashRedirect)
        ? match.slashRedirect
        : null,
  }));
}

/** Whether the routes take every request for this exact path. */
function coversExact(taken: readonly RouteMatch[], path: string): boolean {
  return taken.some(
    (match) => match.exact === path || match.slashRedirect === path || (match.prefix !== null && path.startsWith(match.prefix)),
  );
}

/**
 * What is left of a match after routes that come first: the rules of the host itself, before those it falls through to. Null:
 * nothing.
 */
export function subtract(match: RouteMatch, taken: readonly RouteMatch[]): RouteMatch | null {
  const exact = match.exact !== null && !coversExact(taken, match.exact) ? match.exact : null;
  const { prefix } = match;
  const covered = prefix === null || taken.some((other) => other.prefix !== null && prefix.startsWith(other.prefix));
  const rest = { exact, prefix: covered ? null : prefix, slashRedirect: null };
  return rest.exact === null && rest.prefix === null ? null : rest;
}
