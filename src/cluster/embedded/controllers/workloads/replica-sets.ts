/** ReplicaSet → Pods: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/. */
import { cloneJson, objectAt, stringAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { ControllerLoop, namespaceOf } from '../controller.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import {
  availableIn,
  controllerOf,
  count,
  hasEnded,
  isReady,
  isTerminating,
  matchesLabels,
  ownedBy,
  ownerReference,
  statusOf,
} from '../pod-state.ts';

const COMPONENT = 'replicaset-controller';

function placed(pod: StoredObject): number {
  return Number(stringAt(pod, 'status', 'podIP') !== undefined);
}

/** Negative when `a` should go before `b` on scaling down: first what runs nowhere, then what is not ready, then the newest. */
function byWorth(a: StoredObject, b: StoredObject): number {
  if (placed(a) !== placed(b)) return placed(a) - placed(b);
  if (isReady(a) !== isReady(b)) return Number(isReady(a)) - Number(isReady(b));
  const [ageA, ageB] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (ageA !== ageB) return ageA > ageB ? -1 : 1;
  // Creation times have a resolution of a second: any order will do, as long as it is one.
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The Pods of a ReplicaSet that count: neither terminating nor run to their end. */
export function activePods(context: ControllerContext, replicaSet: StoredObject): StoredObject[] {
  return ownedBy(context.storage, 'v1', 'pods', replicaSet).filter((pod) => !isTerminating(pod) && !hasEnded(pod));
}

/** Starts the controller. */
export function startReplicaSetController(context: ControllerContext): Controller {
  const { storage, now } = context;
  const replicaSets = storage.resource('apps/v1', 'replicasets');
  const pods = storage.resource('v1', 'pods');

  const createPod = (replicaSet: StoredObject): void => {
    const template = objectAt(replicaSet, 'spec', 'template') ?? {};
    const metadata = objectAt(template, 'metadata');
    const pod = pods.create(namespaceOf(replicaSet), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${replicaSet.metadata.name}-`,
        labels: cloneJson(objectAt(metadata, 'labels') ?? {}) as Record<string, string>,
        annotations: cloneJson(objectAt(metadata, 'annotations') ?? {}) as Record<string, string>,
        ownerReferences: [ownerReference(replicaSet)],
      },
      spec: cloneJson(objectAt(template, 'spec') ?? {}),
    });
    context.record(COMPONENT, replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  };

  const reconcile = (namespace: string, name: string): void => {
    const replicaSet = replicaSets.get(namespace, name);
    if (!replicaSet) return;
    const wanted = count(replicaSet, 'spec', 'replicas');
    const active = activePods(context, replicaSet);
    let failure: unknown;
    if (replicaSet.metadata.deletionTimestamp === undefined) {
      try {
        for (let missing = wanted - active.length; missing > 0; missing -= 1) createPod(replicaSet);
      } catch (error) {
        failure = error;
        const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
        context.record(COMPONENT, replicaSet, 'Warning', 'FailedCreate', message);
      }
      for (const pod of active.sort(byWorth).slice(0, Math.max(0, active.length - wanted))) {
        pods.delete(namespace, pod.metadata.name);
        context.record(COMPONENT, replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      }
    }
    writeStatus(namespace, name, failure);
    if (failure !== undefined) throw failure;
  };

  const writeStatus = (namespace: string, name: string, failure: unknown): void => {
    const replicaSet = replicaSets.get(namespace, name);
    if (!replicaSet) return;
    const active = activePods(context, replicaSet);
    const minReadySeconds = count(replicaSet, 'spec', 'minReadySeconds');
    const waits = active.map((pod) => availableIn(pod, minReadySeconds, now()));
    const later = waits.filter((wait) => wait !== undefined && wait > 0) as number[];
    if (later.length > 0) loop.queue.addAfter(namespace, name, Math.min(...later));
    const labels = objectAt(replicaSet, 'spec', 'template', 'metadata', 'labels');
    const update = (object: StoredObject): void => {
      const status: JsonObject = statusOf(object);
      status['replicas'] = active.length;
      status['fullyLabeledReplicas'] = active.filter((pod) => matchesLabels(labels, pod.metadata.labels)).length;
      status['readyReplicas'] = active.filter(isReady).length;
      status['availableReplicas'] = waits.filter((wait) => wait === 0).length;
      status['observedGeneration'] = object.metadata.generation;
      if (failure === undefined) delete status['conditions'];
      else {
        const message = failure instanceof Error ? failure.message : 'unknown error';
        status['conditions'] = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }];
      }
    };
    replicaSets.update(namespace, name, update, 'status');
  };

  const loop = new ControllerLoop('replica-sets', context, reconcile);
  loop.watch('apps/v1', 'replicasets', ({ object }) => loop.queue.add(namespaceOf(object), object.metadata.name));
  loop.watch('v1', 'pods', ({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'ReplicaSet') loop.queue.add(namespaceOf(object), owner.name);
  });
  return loop;
}
