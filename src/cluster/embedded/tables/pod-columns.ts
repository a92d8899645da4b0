/** The columns of Pods: the status is worked out of many fields, as kubectl's users know it. */
import { arrayAt, isObject, numberAt, objectAt, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Column } from '../resources/columns.ts';

function statuses(pod: JsonObject): JsonObject[] {
  return arrayAt(pod, 'status', 'containerStatuses').filter(isObject);
}

function ready(pod: JsonObject): string {
  const total = arrayAt(pod, 'spec', 'containers').length;
  return `${statuses(pod).filter((status) => status['ready'] === true).length}/${total}`;
}

function status(pod: JsonObject): string {
  let reason = stringAt(pod, 'status', 'reason') ?? stringAt(pod, 'status', 'phase') ?? 'Unknown';
  for (const container of statuses(pod)) {
    const waiting = stringAt(container, 'state', 'waiting', 'reason');
    const terminated = objectAt(container, 'state', 'terminated');
    if (waiting !== undefined && waiting !== '') reason = waiting;
    else if (terminated !== undefined) {
      reason = stringAt(terminated, 'reason') ?? `ExitCode:${numberAt(terminated, 'exitCode')}`;
    }
  }
  return stringAt(pod, 'metadata', 'deletionTimestamp') === undefined ? reason : 'Terminating';
}

function restarts(pod: JsonObject): string {
  let total = 0;
  for (const { restartCount } of statuses(pod)) total += typeof restartCount === 'number' ? restartCount : 0;
  return String(total);
}

const orNone = (value: string | undefined): string => (value === undefined || value === '' ? '<none>' : value);

function readinessGates(pod: JsonObject): string {
  const gates = arrayAt(pod, 'spec', 'readinessGates');
  if (gates.length === 0) return '<none>';
  const conditions = arrayAt(pod, 'status', 'conditions').filter(isObject);
  const met = gates.filter((gate) =>
    conditions.some((condition) => condition['type'] === stringAt(gate, 'conditionType') && condition['status'] === 'True'),
  );
  return `${met.length}/${gates.length}`;
}

export const podColumns: readonly Column[] = [
  { name: 'Ready', type: 'string', value: ready },
  { name: 'Status', type: 'string', value: status },
  { name: 'Restarts', type: 'string', value: restarts },
  { name: 'IP', type: 'string', priority: 1, value: (pod) => orNone(stringAt(pod, 'status', 'podIP')) },
  { name: 'Node', type: 'string', priority: 1, value: (pod) => orNone(stringAt(pod, 'spec', 'nodeName')) },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    value: (pod) => orNone(stringAt(pod, 'status', 'nominatedNodeName')),
  },
  { name: 'Readiness Gates', type: 'string', priority: 1, value: readinessGates },
];
