/** Annotations that change, for the routes of an Ingress, a setting that the ConfigMap has under the same name. */
import { isDeepStrictEqual } from 'node:util';
import type { RoutePolicies, TrafficTuning } from '../../model/policies.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { parseInteger } from '../values.ts';

/** One of them. */
export interface Tuned {
  readonly annotation: string;
  /** Ends the sentence "… is not …". */
  readonly expected: string;
  /** What it sets; undefined: it cannot be understood. */
  readonly read: (text: string) => TrafficTuning | undefined;
}

const FALLBACK = 'The setting of the ConfigMap, or its default, is used.';

/** The policy of several such annotations, each for itself: one that cannot be understood is reported and left out. */
export function tuningPolicy(tuned: readonly Tuned[]): RoutePolicy<TrafficTuning> {
  return {
    annotations: tuned.map(({ annotation }) => annotation),
    read: (source) => {
      const wish = Object.assign({}, ...tuned.map((one) => readTuned(source, one))) as TrafficTuning;
      return isDeepStrictEqual(wish, {}) ? undefined : wish;
    },
    resolve: (wish) => wish,
  };
}

function readTuned(source: AnnotationSource, { annotation, expected, read }: Tuned): TrafficTuning {
  const text = source.text(annotation)?.trim();
  if (text === undefined) return {};
  const wish = read(text);
  if (wish === undefined) source.invalid(annotation, expected, FALLBACK);
  return wish ?? {};
}

/** A whole number in Go's way, from `min` to `max`; undefined: it is none. */
export function wholeNumber(text: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = parseInteger(text);
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** All that the policies of a route change; null: nothing, which costs nothing per request. */
export function tuningOf(policies: RoutePolicies): TrafficTuning | null {
  const { bodySize, buffering, timeouts, nextUpstream, responseRate } = policies;
  if (
    bodySize === undefined &&
    buffering === undefined &&
    timeouts === undefined &&
    nextUpstream === undefined &&
    responseRate === undefined
  )
    return null;
  return { ...bodySize, ...buffering, ...timeouts, ...nextUpstream, ...responseRate };
}
