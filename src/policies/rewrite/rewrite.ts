/**
 * `rewrite-target`, `use-regex`, `x-forwarded-prefix`: paths are regular expressions, for every Ingress of the host, and the backend
 * gets another path. ingress-nginx: internal/ingress/controller/template/template.go, `buildLocation` and `buildProxyPass`.
 */
import type { Rewrite, RewritePart } from '../../model/policies.ts';
import { quote } from '../../model/report.ts';
import type { RoutePolicy } from '../policy.ts';
import { groupsOf } from './known-patterns.ts';
import { pathPattern } from './path-pattern.ts';
import { highestGroup, isValidThere, parseParts, parseTarget } from './target.ts';

/** What the annotations of one Ingress ask for. */
export interface RewriteWish {
  readonly useRegex: boolean;
  /** As it is written; null: nothing is rewritten. */
  readonly text: string | null;
  /** Null: it cannot be understood, and the Ingress is denied. */
  readonly target: Omit<Rewrite, 'pattern' | 'prefix'> | null;
  readonly prefix: readonly RewritePart[] | null;
}

/** Reads and resolves them. */
export const rewrite: RoutePolicy<Rewrite, RewriteWish> = {
  annotations: ['rewrite-target', 'use-regex', 'x-forwarded-prefix'],
  notForCatchAll: true,
  read: (source) => {
    const useRegex = source.bool('use-regex', false);
    const given: unknown = source.value('rewrite-target');
    // Of another type it cannot be understood, and must not pass for absent.
    const malformed = given !== undefined && given !== null && typeof given !== 'string';
    let text = source.text('rewrite-target') ?? (malformed ? '' : null);
    const target = text === null ? null : parseTarget(text);
    // ingress-nginx takes what it finds bad for absent. What it takes and nginx then cannot serve must not become text, for
    // what it protects would fall to other paths of the host.
    if (typeof target === 'string' && text !== null) {
      if (isValidThere(text)) source.deny('rewrite-target', target);
      else {
        source.invalid('rewrite-target', target, 'Nothing is rewritten, as in ingress-nginx.');
        text = null;
      }
    }
    if (text === null && !useRegex) return undefined;
    const prefixText = source.text('x-forwarded-prefix');
    const prefix = prefixText === undefined ? null : parseParts(prefixText);
    if (typeof prefix === 'string') source.invalid('x-forwarded-prefix', prefix, 'X-Forwarded-Prefix is not set.');
    return {
      useRegex,
      text,
      target: typeof target === 'string' ? null : target,
      prefix: typeof prefix === 'string' ? null : prefix,
    };
  },
  resolve: ({ text, target, prefix }, { path, report }) => {
    if (target === null || text === path) return undefined;
    const pattern = pathPattern(path);
    const groups = groupsOf(pattern);
    // The path is refused as such where it is matched.
    if (typeof groups === 'string') return undefined;
    const wanted = Math.max(highestGroup(target.path), highestGroup(target.query ?? []), highestGroup(prefix ?? []));
    if (wanted > groups && path !== '/') {
      const message = `rewrite-target or x-forwarded-prefix names group $${wanted}, and the path ${quote(path)} has ${groups}`;
      report('AnnotationInvalid', 'warning', 'rewrite-target', message, 'The group is empty, as in ingress-nginx.');
    }
    return { pattern, ...target, ...(prefix !== null && { prefix }) };
  },
};

/** The path makes the host one of regular expressions (`enforceRegexModifier`). */
export function needsRegex(wish: RewriteWish | undefined, path: string): boolean {
  return wish !== undefined && (wish.useRegex || (wish.text !== null && wish.text !== path));
}
