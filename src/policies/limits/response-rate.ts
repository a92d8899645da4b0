/** `limit-rate` and `limit-rate-after`: how fast a response is sent, in KiB a second, and after how many KiB. */
import type { TrafficTuning } from '../../model/policies.ts';
import { tuningPolicy, wholeNumber, type Tuned } from '../traffic/tuning.ts';

const KIB = 1024;

function kibibytes(annotation: string, set: (bytes: number) => TrafficTuning): Tuned {
  const read = (text: string): TrafficTuning | undefined => {
    const value = wholeNumber(text, 0, Math.floor(Number.MAX_SAFE_INTEGER / KIB));
    return value === undefined ? undefined : set(value * KIB);
  };
  return { annotation, expected: 'a whole number of KiB from 0', read };
}

export const responseRate = tuningPolicy([
  kibibytes('limit-rate', (limitRate) => ({ limitRate })),
  kibibytes('limit-rate-after', (limitRateAfter) => ({ limitRateAfter })),
]);
