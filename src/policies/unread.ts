/** The annotations of an Ingress that no policy reads are reported. */
import { quote } from '../model/report.ts';
import { editDistance } from '../settings/nearest.ts';
import { parseGoBool } from '../settings/values/values.ts';
import { ANNOTATIONS } from './annotations.ts';
import type { AnnotationSource } from './policy.ts';

/** One Ingress can have thousands of annotations, and each report becomes an Event. */
const UNKNOWN_LIMIT = 10;

/** Reports those that are idle here, unless they say "off", and those that nobody knows. Never throws, whatever the annotations are. */
export function reportUnread(source: AnnotationSource): void {
  const names = source.names();
  for (const name of names) {
    const treatment = ANNOTATIONS.get(name);
    if (treatment?.kind !== 'idle') continue;
    const value = source.text(name);
    if (value === undefined || parseGoBool(value) === false) continue;
    source.report('AnnotationUnsupported', 'warning', name, `${name} is not supported`, treatment.served);
  }
  reportUnknown(
    source,
    names.filter((name) => !ANNOTATIONS.has(name)),
  );
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
