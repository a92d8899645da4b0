/** What a Deployment's status says; `kubectl rollout status` reads it. Source: k8s.io/kubernetes/pkg/controller/deployment/progress.go. */
import { arrayAt, isObject, stringAt, valueAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { setCondition } from '../conditions.ts';
import { count, statusOf } from '../pod-state.ts';

/** The Pods of a Deployment, counted. */
interface PodCounts {
  readonly total: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
}

function progressing(deployment: StoredObject): JsonObject | undefined {
  return arrayAt(deployment, 'status', 'conditions')
    .filter(isObject)
    .find((condition) => condition['type'] === 'Progressing');
}

const COMPLETE = 'NewReplicaSetAvailable';
const TIMED_OUT = 'ProgressDeadlineExceeded';

/** Milliseconds until the Deployment counts as stuck; undefined when it is complete, or has no deadline. */
export function deadlineIn(deployment: StoredObject, now: number): number | undefined {
  const seconds = valueAt(deployment, 'spec', 'progressDeadlineSeconds');
  const condition = progressing(deployment);
  const reason = condition?.['reason'];
  if (
    typeof seconds !== 'number' ||
    !condition ||
    reason === COMPLETE ||
    reason === TIMED_OUT ||
    reason === 'DeploymentPaused'
  ) {
    return undefined;
  }
  // JSON of client-go: the largest int32 means no deadline.
  if (seconds >= 0x7fff_ffff) return undefined;
  const since = Date.parse(stringAt(condition, 'lastUpdateTime') ?? '');
  return Number.isNaN(since) ? undefined : Math.max(0, since + seconds * 1000 - now);
}

/** Fills in the status of a Deployment that is being updated. */
export function writeDeploymentStatus(
  deployment: StoredObject,
  pods: PodCounts,
  newReplicaSet: string | undefined,
  maxUnavailable: number,
  now: { readonly time: string; readonly ms: number },
): void {
  const replicas = count(deployment, 'spec', 'replicas');
  const progressed =
    pods.updated > count(deployment, 'status', 'updatedReplicas') ||
    pods.ready > count(deployment, 'status', 'readyReplicas') ||
    pods.available > count(deployment, 'status', 'availableReplicas') ||
    pods.total - pods.updated < count(deployment, 'status', 'replicas') - count(deployment, 'status', 'updatedReplicas');
  const changed = valueAt(deployment, 'status', 'observedGeneration') !== deployment.metadata.generation;
  const overdue = deadlineIn(deployment, now.ms) === 0;
  const before = progressing(deployment)?.['reason'];
  const status = statusOf(deployment);
  status['observedGeneration'] = deployment.metadata.generation;
  const numbers: readonly (readonly [string, number])[] = [
    ['replicas', pods.total],
    ['updatedReplicas', pods.updated],
    ['readyReplicas', pods.ready],
    ['availableReplicas', pods.available],
    ['unavailableReplicas', Math.max(0, Math.max(pods.total, replicas) - pods.available)],
  ];
  for (const [key, value] of numbers) {
    // As Go leaves out what is zero.
    if (value === 0) delete status[key];
    else status[key] = value;
  }
  const enough = pods.available >= replicas - maxUnavailable;
  setCondition(
    status,
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
    },
    now.time,
    { withUpdateTime: true },
  );
  const complete = pods.updated === replicas && pods.total === replicas && pods.available === replicas;
  const subject = newReplicaSet === undefined ? 'Deployment' : `ReplicaSet "${newReplicaSet}"`;
  const set = (reason: string, message: string, touch: boolean, holds: 'True' | 'False' = 'True'): void => {
    setCondition(status, { type: 'Progressing', status: holds, reason, message }, now.time, { withUpdateTime: true, touch });
  };
  if (valueAt(deployment, 'spec', 'paused') === true) set('DeploymentPaused', 'Deployment is paused', false);
  else if (complete && newReplicaSet !== undefined) set(COMPLETE, `${subject} has successfully progressed.`, false);
  else if (progressed || changed || before === undefined || before === 'DeploymentPaused') {
    set('ReplicaSetUpdated', `${subject} is progressing.`, true);
  } else if (overdue) set(TIMED_OUT, `${subject} has timed out progressing.`, false, 'False');
}
