/** Events are stored as core/v1 and served as events.k8s.io/v1 too (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/). */
import { isObject, setKey } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Conversion } from './resources.ts';

/** events.k8s.io/v1 name → core/v1 name. What is not here has the same name in both. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['note', 'message'],
  ['regarding', 'involvedObject'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

function rename(object: JsonObject, apiVersion: string, names: ReadonlyMap<string, string>): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(object)) setKey(result, names.get(key) ?? key, value);
  result['apiVersion'] = apiVersion;
  return result;
}

const toCore = new Map(RENAMED);
const toEvents = new Map(RENAMED.map(([events, core]) => [core, events]));

/** Between core/v1, which is stored, and events.k8s.io/v1. */
export const eventConversion: Conversion = {
  fromStored: (object) => rename(object, 'events.k8s.io/v1', toEvents),
  toStored: (object) => {
    const stored = rename(object, 'v1', toCore);
    if (!isObject(stored['source'])) stored['source'] = {};
    return stored;
  },
};
