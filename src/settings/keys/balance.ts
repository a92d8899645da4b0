/** The keys about how endpoints share requests. */
import { oneOf } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

/** In the order of the documentation. */
export const BALANCE_KEYS: readonly ConfigKey[] = [
  key(
    'load-balance',
    oneOf('round_robin', 'ewma'),
    'round_robin',
    'How the endpoints of a Service share requests: in turn, or the one of two that answered faster lately.',
    (loadBalance) => ({ translate: { loadBalance } }),
  ),
];
