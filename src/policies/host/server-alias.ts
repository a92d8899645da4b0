/**
 * `server-alias`: further names of the hosts of the Ingress, as nginx's `server_name` has them. ingress-nginx:
 * internal/ingress/annotations/alias/main.go.
 */
import type { AnnotationSource, PolicyReader } from '../policy.ts';
import { compileRegex } from '../../settings/values/regex.ts';

const LABELS = /^[a-z0-9_]([a-z0-9_-]*)(\.[a-z0-9_][a-z0-9_-]*)*$/;
/** More names than this are left out: each pattern costs something at every unknown name. */
const MAX_ALIASES = 200;
const LEFT_OUT = 'This name is left out; the others are served.';

/** Reads it: the names sorted, each once; those that are none are reported. */
export const serverAlias: PolicyReader<readonly string[]> = {
  annotations: ['server-alias'],
  read: (source) => {
    const names = new Set<string>();
    for (const item of (source.text('server-alias') ?? '').split(',')) {
      const text = item.trim();
      const alias = text === '' ? undefined : readAlias(text, source);
      if (alias !== undefined) names.add(alias);
    }
    const sorted = [...names].sort();
    if (sorted.length <= MAX_ALIASES) return sorted;
    const message = `server-alias has ${sorted.length} names, and ${MAX_ALIASES} are allowed`;
    source.report(
      'AnnotationInvalid',
      'error',
      'server-alias',
      message,
      `The first ${MAX_ALIASES} in alphabetical order are served.`,
    );
    return sorted.slice(0, MAX_ALIASES);
  },
};

function readAlias(text: string, source: AnnotationSource): string | undefined {
  if (text.startsWith('~')) {
    const regex = compileRegex(text.slice(1), true);
    if (typeof regex !== 'string') return text;
    source.invalid('server-alias', `a list of regular expressions that can be matched in linear time (${regex})`, LEFT_OUT);
    return undefined;
  }
  const name = text.toLowerCase();
  if (name !== '_' && name.length <= 253 && LABELS.test(name.replace(/^\*?\./, '').replace(/\.\*$/, ''))) {
    // nginx takes a "*" at one end only.
    if (!(name.startsWith('*') || name.startsWith('.')) || !name.endsWith('.*')) return name;
  }
  source.invalid('server-alias', 'a list of host names, wildcards and regular expressions ("~^…")', LEFT_OUT);
  return undefined;
}
