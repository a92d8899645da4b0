/** The annotations of an Ingress that no policy reads: each is reported, and those that protect deny its routes. */
import { quote } from '../model/report.ts';
import { editDistance } from '../settings/nearest.ts';
import { ANNOTATIONS } from './annotations.ts';
import { DENIED, DENIED_HOSTS, type AnnotationSource, type Denial } from './policy.ts';
import { parseText } from './values.ts';

/** One Ingress can have thousands of annotations, and each report becomes an Event. */
const UNKNOWN_LIMIT = 10;

/**
 * Reads and reports them, and says whose routes are answered with 503 for it. `canary`: it has no routes, and those of the Ingress it is
 * an alternative to have annotations of their own. Never throws, whatever the annotations are.
 */
export function readUnsupported(source: AnnotationSource, canary: boolean): Denial {
  const values = (name: string): string | undefined => {
    const value = source.value(name);
    if (value === undefined || value === null) return undefined;
    // What is no text cannot be understood, and must not pass for absent.
    return typeof value === 'string' ? parseText(value) : quote(value);
  };
  const names = source.names();
  let denied: Denial = 'none';
  for (const name of canary ? [] : names) {
    const treatment = ANNOTATIONS.get(name);
    if (treatment?.kind === 'protects' && treatment.active(values)) {
      denied = treatment.wholeHost ? 'hosts' : denied === 'none' ? 'ingress' : denied;
      source.report(
        'AnnotationUnsupported',
        'error',
        name,
        unsupported(name, values(name)),
        treatment.wholeHost ? DENIED_HOSTS : DENIED,
      );
    } else if (treatment?.kind === 'alters' && treatment.active(values)) {
      source.report('AnnotationUnsupported', 'warning', name, unsupported(name, values(name)), treatment.served);
    }
  }
  reportUnknown(
    source,
    names.filter((name) => !ANNOTATIONS.has(name)),
  );
  return denied;
}

/** Long values are left out: snippets and URLs may hold secrets, and Events are read by many. */
function unsupported(name: string, value: string | undefined): string {
  const short = value !== undefined && /^[\w.-]{1,12}$/.test(value);
  return short ? `${name} (here ${quote(value)}) is not supported yet` : `${name} is not supported yet`;
}

function reportUnknown(source: AnnotationSource, names: readonly string[]): void {
  const served = 'It has no effect, as in ingress-nginx.';
  for (const name of names.slice(0, UNKNOWN_LIMIT)) {
    const meant = closeTo(name);
    const others = names.length - UNKNOWN_LIMIT;
    const more = others > 0 && name === names[UNKNOWN_LIMIT - 1] ? `; ${others} more are unknown too` : '';
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    source.report(
      'AnnotationUnknown',
      'warning',
      name,
      `${quote(name)} is no annotation of ingress-nginx${hint}${more}`,
      served,
    );
  }
}

/** The annotation that was probably meant: at most two edits away, and less than a third of the name. */
function closeTo(name: string): string | undefined {
  let best: string | undefined;
  let limit = Math.min(2, Math.floor(name.length / 3));
  for (const known of ANNOTATIONS.keys()) {
    if (Math.abs(known.length - name.length) > limit) continue;
    const distance = editDistance(name, known);
    if (distance > limit || (distance === limit && best !== undefined)) continue;
    best = known;
    limit = distance;
  }
  return best;
}
