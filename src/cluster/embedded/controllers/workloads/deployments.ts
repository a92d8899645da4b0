/** Deployment → ReplicaSets: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/. */
import { cloneJson, equalJson, objectAt, stringAt, valueAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import { StatusError } from '../../api/status-error.ts';
import type { StoredObject } from '../../api/storage.ts';
import { ControllerLoop, namespaceOf, timestamp } from '../controller.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { deadlineIn, writeDeploymentStatus } from './deployment-status.ts';
import { availableIn, controllerOf, count, hasEnded, isReady, ownedBy, ownerReference, statusOf } from '../pod-state.ts';
import { activePods } from './replica-sets.ts';
import { nextNew, nextOld, rollingLimits } from './rollout.ts';

const COMPONENT = 'deployment-controller';
const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The template of a ReplicaSet without the label that the controller added. */
function templateOf(object: StoredObject): JsonObject {
  const template = cloneJson(objectAt(object, 'spec', 'template') ?? {});
  const labels = objectAt(template, 'metadata', 'labels');
  if (labels) delete labels[HASH_LABEL];
  return template;
}

/** JSON with its keys in order, so that equal templates have equal hashes. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** A short name for a template: FNV-1a, in the letters Kubernetes uses, which spell no words. */
function templateHash(template: JsonObject, collisions: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${canonical(template)}${collisions === 0 ? '' : collisions}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return String(hash).replaceAll(/\d/g, (digit) => letters.charAt(digit.charCodeAt(0) % letters.length));
}

function revisionOf(replicaSet: StoredObject): number {
  return Number(replicaSet.metadata.annotations?.[REVISION] ?? 0) || 0;
}

function byAge(a: StoredObject, b: StoredObject): number {
  return revisionOf(a) - revisionOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** Starts the controller. */
export function startDeploymentController(context: ControllerContext): Controller {
  const { storage, now } = context;
  const deployments = storage.resource('apps/v1', 'deployments');
  const replicaSets = storage.resource('apps/v1', 'replicasets');

  const available = (replicaSet: StoredObject): number => {
    const minReadySeconds = count(replicaSet, 'spec', 'minReadySeconds');
    return activePods(context, replicaSet).filter((pod) => availableIn(pod, minReadySeconds, now()) === 0).length;
  };

  const scale = (deployment: StoredObject, replicaSet: StoredObject, replicas: number): void => {
    const before = count(replicaSet, 'spec', 'replicas');
    if (before === replicas) return;
    const { name } = replicaSet.metadata;
    replicaSets.update(namespaceOf(replicaSet), name, (object) => {
      object['spec'] = { ...objectAt(object, 'spec'), replicas };
    });
    const message = `Scaled ${replicas > before ? 'up' : 'down'} replica set ${name} from ${before} to ${replicas}`;
    context.record(COMPONENT, deployment, 'Normal', 'ScalingReplicaSet', message);
  };

  const create = (deployment: StoredObject, revision: number): StoredObject => {
    const template = templateOf(deployment);
    const hash = templateHash(template, count(deployment, 'status', 'collisionCount'));
    const labels = { ...objectAt(template, 'metadata', 'labels'), [HASH_LABEL]: hash } as Record<string, string>;
    const selector = objectAt(deployment, 'spec', 'selector') ?? {};
    const { [LAST_APPLIED]: _, ...annotations } = deployment.metadata.annotations ?? {};
    const name = `${deployment.metadata.name}-${hash}`;
    try {
      return replicaSets.create(namespaceOf(deployment), {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name,
          labels,
          annotations: { ...annotations, [REVISION]: String(revision) },
          ownerReferences: [ownerReference(deployment)],
        },
        spec: {
          replicas: 0,
          ...(count(deployment, 'spec', 'minReadySeconds') > 0
            ? { minReadySeconds: count(deployment, 'spec', 'minReadySeconds') }
            : {}),
          selector: { ...selector, matchLabels: { ...objectAt(selector, 'matchLabels'), [HASH_LABEL]: hash } },
          template: { ...template, metadata: { ...objectAt(template, 'metadata'), labels } },
        },
      });
    } catch (error) {
      if (error instanceof StatusError && error.reason === 'AlreadyExists') {
        // Another template has this hash: the next attempt adds the count to it.
        const collisions = count(deployment, 'status', 'collisionCount') + 1;
        deployments.update(
          namespaceOf(deployment),
          deployment.metadata.name,
          (object) => void (statusOf(object)['collisionCount'] = collisions),
          'status',
        );
      }
      throw error;
    }
  };

  /** Sets the revision of the ReplicaSet that is rolled out, and of the Deployment, which `kubectl rollout history` shows. */
  const number = (deployment: StoredObject, current: StoredObject, old: readonly StoredObject[]): void => {
    const revision = Math.max(revisionOf(current), 1 + Math.max(0, ...old.map(revisionOf)));
    const set = (object: StoredObject): void => {
      object.metadata.annotations = { ...object.metadata.annotations, [REVISION]: String(revision) };
    };
    replicaSets.update(namespaceOf(current), current.metadata.name, set);
    deployments.update(namespaceOf(deployment), deployment.metadata.name, set);
  };

  const roll = (deployment: StoredObject, current: StoredObject, old: readonly StoredObject[]): void => {
    const replicas = count(deployment, 'spec', 'replicas');
    if (stringAt(deployment, 'spec', 'strategy', 'type') === 'Recreate') {
      for (const replicaSet of old) scale(deployment, replicaSet, 0);
      // Also those that are terminating must be gone.
      const left = old.flatMap((replicaSet) => ownedBy(storage, 'v1', 'pods', replicaSet)).filter((pod) => !hasEnded(pod));
      if (left.length === 0) scale(deployment, current, replicas);
      return;
    }
    const limits = rollingLimits(deployment, replicas);
    const scaleOf = (replicaSet: StoredObject) => ({
      replicas: count(replicaSet, 'spec', 'replicas'),
      available: available(replicaSet),
    });
    const oldScales = old.map(scaleOf);
    const next = nextNew(scaleOf(current), oldScales, replicas, limits);
    scale(deployment, current, next);
    const after = { replicas: next, available: Math.min(next, available(current)) };
    nextOld(after, oldScales, replicas, limits).forEach((wanted, index) => {
      const replicaSet = old[index];
      if (replicaSet) scale(deployment, replicaSet, wanted);
    });
  };

  const tidy = (deployment: StoredObject, old: readonly StoredObject[]): void => {
    const limit = valueAt(deployment, 'spec', 'revisionHistoryLimit');
    const idle = old.filter((set) => count(set, 'spec', 'replicas') === 0 && count(set, 'status', 'replicas') === 0);
    for (const set of idle.slice(0, Math.max(0, idle.length - (typeof limit === 'number' ? limit : 10)))) {
      replicaSets.delete(namespaceOf(set), set.metadata.name);
    }
  };

  const owned = (deployment: StoredObject) => {
    const template = templateOf(deployment);
    const all = ownedBy(storage, 'apps/v1', 'replicasets', deployment).sort(byAge);
    const current = all.find((replicaSet) => equalJson(templateOf(replicaSet), template));
    return { current, old: all.filter((replicaSet) => replicaSet !== current) };
  };

  const reconcile = (namespace: string, name: string): void => {
    const deployment = deployments.get(namespace, name);
    if (!deployment) return;
    if (deployment.metadata.deletionTimestamp === undefined) {
      const { current, old } = owned(deployment);
      if (valueAt(deployment, 'spec', 'paused') === true) {
        // No rollout now, but a change of the number is honoured where only one ReplicaSet is in use.
        const active = [...old, ...(current ? [current] : [])].filter((set) => count(set, 'spec', 'replicas') > 0);
        if (active.length === 1 && active[0]) scale(deployment, active[0], count(deployment, 'spec', 'replicas'));
      } else {
        const target = current ?? create(deployment, 1 + Math.max(0, ...old.map(revisionOf)));
        number(deployment, target, old);
        roll(deployment, target, old);
        tidy(deployment, old);
      }
    }
    writeStatus(namespace, name);
  };

  const writeStatus = (namespace: string, name: string): void => {
    const deployment = deployments.get(namespace, name);
    if (!deployment) return;
    const { current, old } = owned(deployment);
    const everyone = [...old, ...(current ? [current] : [])];
    const pods = everyone.flatMap((replicaSet) => activePods(context, replicaSet));
    const counts = {
      total: pods.length,
      updated: current ? activePods(context, current).length : 0,
      ready: pods.filter(isReady).length,
      available: everyone.reduce((total, replicaSet) => total + available(replicaSet), 0),
    };
    const { maxUnavailable } = rollingLimits(deployment, count(deployment, 'spec', 'replicas'));
    const time = { time: timestamp(now()), ms: now() };
    const write = (object: StoredObject): void =>
      writeDeploymentStatus(object, counts, current?.metadata.name, maxUnavailable, time);
    const written = deployments.update(namespace, name, write, 'status');
    const deadline = written && deadlineIn(written, now());
    if (deadline !== undefined && deadline < 0x7fff_ffff) loop.queue.addAfter(namespace, name, deadline + 1);
  };

  const loop = new ControllerLoop('deployments', context, reconcile);
  loop.watch('apps/v1', 'deployments', ({ object }) => loop.queue.add(namespaceOf(object), object.metadata.name));
  loop.watch('apps/v1', 'replicasets', ({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'Deployment') loop.queue.add(namespaceOf(object), owner.name);
  });
  loop.watch('v1', 'pods', ({ object }) => {
    const set = controllerOf(object);
    const replicaSet = set?.kind === 'ReplicaSet' ? replicaSets.get(namespaceOf(object), set.name) : undefined;
    const owner = replicaSet && controllerOf(replicaSet);
    if (owner?.kind === 'Deployment') loop.queue.add(namespaceOf(object), owner.name);
  });
  return loop;
}
