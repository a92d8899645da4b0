/** What is known of patterns: a host is translated again for each change of an Ingress, and compiling is dear. */
import { compileRegex } from '../../settings/values/regex.ts';

const known = new Map<string, number | string>();
const MAX_KNOWN = 10_000;

/** How many groups the pattern of a path has, behind a "^"; or why it is refused. Bounded: more are worked out again. */
export function groupsOf(pattern: string): number | string {
  let found = known.get(pattern);
  if (found === undefined) {
    const regex = compileRegex(`^${pattern}`, true);
    found = typeof regex === 'string' ? regex : regex.groups;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(pattern, found);
  }
  return found;
}
