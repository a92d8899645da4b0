/** Hosts whose paths are regular expressions (reference §4.9): what each path matches, and in which order they are tried. */
import type { RouteMatch } from '../../model/table.ts';
import type { IngressPlan } from '../plan.ts';
import type { PolicyWishes } from '../../policies/registry.ts';
import { groupsOf } from '../../policies/rewrite/known-patterns.ts';
import { literalPrefix, pathPattern, quotePattern } from '../../policies/rewrite/path-pattern.ts';
import { needsRegex, type RewriteWish } from '../../policies/rewrite/rewrite.ts';
import type { PathType } from '../paths.ts';
import { matchedType } from '../paths.ts';

/** A path that an Ingress claims on the host. */
export interface PatternClaim {
  readonly plan: Pick<IngressPlan, 'wishes'>;
  readonly path: { readonly path: string; readonly pathType: PathType };
}

/** What a path matches. */
export interface PatternMatch {
  /** Its position among the claims. */
  readonly index: number;
  readonly match: RouteMatch;
  /** Why the pattern is refused: then `match` takes all that it may have matched, to be denied. Null: it is not. */
  readonly problem: string | null;
}

/** The wish of an Ingress about regular expressions; undefined: none. */
export function rewriteWish(wishes: PolicyWishes): RewriteWish | undefined {
  return wishes.get('rewrite') as RewriteWish | undefined;
}

/** This path makes its host one of regular expressions. */
export function asksForRegex({ plan, path }: PatternClaim): boolean {
  return needsRegex(rewriteWish(plan.wishes), path.path);
}

const ROOT: RouteMatch = { exact: null, prefix: '/', slashRedirect: null };

/**
 * The claims in the order they are tried: longer before shorter, then the greater first, then as they came. "/" of type Prefix takes
 * every path, and comes last; ingress-nginx has it before "/" of type Exact, which so gets nothing and is left out here.
 */
export function orderPatterns(claims: readonly PatternClaim[]): readonly PatternMatch[] {
  const exact = new Set(claims.filter(({ path }) => path.pathType === 'Exact').map(({ path }) => path.path));
  const ordered = claims.map((claim, index) => ({ claim, index, bytes: Buffer.byteLength(claim.path.path) }));
  ordered.sort((a, b) => b.bytes - a.bytes || -compareBytes(a.claim.path.path, b.claim.path.path));
  const matches: PatternMatch[] = [];
  for (const { claim, index } of ordered) {
    const { path } = claim;
    if (path.path === '/') {
      if (matchedType(path.pathType) === 'Prefix') matches.push({ index, match: ROOT, problem: null });
      continue;
    }
    // Its extra location takes the path itself, and more: both are of one route, unless an Exact path is in its place.
    const cut = matchedType(path.pathType) === 'Prefix' && !asksForRegex(claim) && exact.has(path.path);
    const pattern = pathPattern(cut && !path.path.endsWith('/') ? `${path.path}/` : path.path);
    const groups = groupsOf(pattern);
    const problem = typeof groups === 'string' ? groups : null;
    const taken = problem === null ? pattern : quotePattern(literalPrefix(pattern));
    // Where it begins with nothing certain, it may be found anywhere.
    matches.push({ index, match: { exact: null, prefix: null, slashRedirect: null, pattern: `^${taken}` }, problem });
  }
  return matches;
}

/** Go compares strings by their bytes in UTF-8. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
