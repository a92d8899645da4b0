/** How many Pods each ReplicaSet of a Deployment should have next. Pure. Source: k8s.io/kubernetes/pkg/controller/deployment/rolling.go. */
import { valueAt } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';

/** One ReplicaSet as it stands: what is asked of it, and how many of its Pods are available. */
interface Scale {
  readonly replicas: number;
  readonly available: number;
}

/** How far a rolling update may go above and below the wanted number. */
interface RollingLimits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

function resolve(value: unknown, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^(\d+)%$/.exec(value) : null;
  return match ? round((Number(match[1]) * total) / 100) : 0;
}

/** maxSurge is rounded up, maxUnavailable down; both nought would never move, then one may be unavailable. */
export function rollingLimits(deployment: StoredObject, replicas: number): RollingLimits {
  const strategy = valueAt(deployment, 'spec', 'strategy', 'rollingUpdate');
  const maxSurge = resolve(valueAt(strategy, 'maxSurge') ?? '25%', replicas, Math.ceil);
  const maxUnavailable = resolve(valueAt(strategy, 'maxUnavailable') ?? '25%', replicas, Math.floor);
  return { maxSurge, maxUnavailable: Math.min(replicas, maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable) };
}

function sum(scales: readonly Scale[], of: (scale: Scale) => number): number {
  return scales.reduce((total, scale) => total + of(scale), 0);
}

/** The next number of replicas of the new ReplicaSet: as many as the surge leaves room for. */
export function nextNew(current: Scale, old: readonly Scale[], replicas: number, limits: RollingLimits): number {
  if (current.replicas >= replicas) return replicas;
  const room = replicas + limits.maxSurge - current.replicas - sum(old, (scale) => scale.replicas);
  return current.replicas + Math.max(0, Math.min(room, replicas - current.replicas));
}

/** The next numbers of replicas of the old ReplicaSets, given oldest first: unhealthy Pods go first, then what is not needed. */
export function nextOld(current: Scale, old: readonly Scale[], replicas: number, limits: RollingLimits): number[] {
  const next = old.map((scale) => scale.replicas);
  const minAvailable = replicas - limits.maxUnavailable;
  const newUnavailable = Math.max(0, current.replicas - current.available);
  let mayGo = current.replicas + sum(old, (scale) => scale.replicas) - minAvailable - newUnavailable;
  if (mayGo <= 0) return next;
  old.forEach((scale, index) => {
    const unhealthy = Math.max(0, Math.min(mayGo, scale.replicas - scale.available));
    next[index] = scale.replicas - unhealthy;
    mayGo -= unhealthy;
  });
  const available = current.available + sum(old, (scale) => Math.min(scale.available, scale.replicas));
  mayGo = Math.min(mayGo, available - minAvailable);
  old.forEach((_, index) => {
    const going = Math.max(0, Math.min(mayGo, next[index] ?? 0));
    next[index] = (next[index] ?? 0) - going;
    mayGo -= going;
  });
  return next;
}
