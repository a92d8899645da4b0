/** `load-balance`: how the endpoints of a Service share its requests. */
import { quote } from '../../model/report.ts';
import type { PolicyReader } from '../policy.ts';

/** How endpoints are chosen where nothing stronger says so. */
export type Algorithm = 'round_robin' | 'ewma';

/** Names that ingress-nginx takes too, but which only other annotations give something to work with. */
const CHOSEN_BY: ReadonlyMap<string, string> = new Map([
  ['chash', 'upstream-hash-by'],
  ['chashsubset', 'upstream-hash-by-subset'],
  ['sticky_balanced', 'affinity'],
  ['sticky_persistent', 'affinity-mode'],
]);

/** What the Ingress asks for, or the ConfigMap in its place. */
export const loadBalance: PolicyReader<Algorithm> = {
  annotations: ['load-balance'],
  read: (source, settings) => {
    const fallback = settings.loadBalance;
    const text = source.text('load-balance');
    if (text === undefined || text === 'round_robin' || text === 'ewma') return text ?? fallback;
    const other = CHOSEN_BY.get(text);
    if (other === undefined)
      source.invalid('load-balance', '"round_robin" or "ewma"', `The ConfigMap's, ${fallback}, is used.`);
    else if (source.text(other) === undefined) {
      const message = `load-balance: ${quote(text)} has nothing to choose by: ${other} asks for it`;
      source.report('AnnotationInvalid', 'warning', 'load-balance', message, 'Endpoints are used in turn.');
      return 'round_robin';
    }
    return fallback;
  },
};
