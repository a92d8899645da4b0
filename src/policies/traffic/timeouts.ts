/** `proxy-connect-timeout`, `proxy-send-timeout` and `proxy-read-timeout`, in whole seconds: "60s" is none, as in ingress-nginx. */
import type { TrafficTuning } from '../../model/policies.ts';
import { tuningPolicy, wholeNumber, type Tuned } from './tuning.ts';

/** As long as a timer can be. */
export const MAX_SECONDS = 2_147_483;

function timeout(annotation: string, set: (milliseconds: number) => TrafficTuning): Tuned {
  const read = (text: string): TrafficTuning | undefined => {
    const seconds = wholeNumber(text, 1, MAX_SECONDS);
    return seconds === undefined ? undefined : set(seconds * 1000);
  };
  return { annotation, expected: `a whole number of seconds from 1 to ${MAX_SECONDS}, without a unit`, read };
}

export const timeouts = tuningPolicy([
  timeout('proxy-connect-timeout', (upstreamConnectTimeout) => ({ upstreamConnectTimeout })),
  timeout('proxy-send-timeout', (upstreamSendTimeout) => ({ upstreamSendTimeout })),
  timeout('proxy-read-timeout', (upstreamReadTimeout) => ({ upstreamReadTimeout })),
]);
