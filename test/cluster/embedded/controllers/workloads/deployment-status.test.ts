import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/cluster/embedded/api/json.ts';
import type { StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import {
  deadlineIn,
  writeDeploymentStatus,
} from '../../../../../src/cluster/embedded/controllers/workloads/deployment-status.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

function deployment(spec: object): StoredObject {
  return {
    metadata: { name: 'web', generation: 1 },
    spec: { replicas: 2, progressDeadlineSeconds: 60, ...spec },
  } as unknown as StoredObject;
}

function write(
  object: StoredObject,
  seconds: number,
  [total, updated, available]: readonly [number, number, number],
): JsonObject {
  const ms = START + seconds * 1000;
  const counts = { total, updated, ready: available, available };
  writeDeploymentStatus(object, counts, 'web-1', 0, { time: new Date(ms).toISOString().replace('.000', ''), ms });
  return object['status'] as JsonObject;
}

function condition(status: JsonObject, type: string): JsonObject | undefined {
  return (status['conditions'] as JsonObject[]).find((each) => each['type'] === type);
}

function progressing(status: JsonObject): JsonObject | undefined {
  return condition(status, 'Progressing');
}

function available(status: JsonObject): JsonObject | undefined {
  return condition(status, 'Available');
}

describe('the status of a Deployment', () => {
  it('leaves out counts of nought, as Kubernetes does', () => {
    expect(write(deployment({}), 0, [0, 0, 0])).toMatchObject({ observedGeneration: 1, unavailableReplicas: 2 });
    expect(write(deployment({}), 0, [0, 0, 0])).not.toHaveProperty('replicas');
  });

  it('says that the deadline is over when nothing moved for so long, and not before', () => {
    const object = deployment({});
    write(object, 0, [2, 2, 0]);
    write(object, 30, [2, 2, 1]);
    expect(deadlineIn(object, START + 40_000)).toBe(50_000);
    expect(progressing(write(object, 89, [2, 2, 1]))).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
    const late = progressing(write(object, 90, [2, 2, 1]));
    expect(late).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      lastTransitionTime: '2026-01-01T00:01:30Z',
    });
    expect(deadlineIn(object, START + 95_000)).toBeUndefined();
    expect(progressing(write(object, 100, [2, 2, 2]))).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  it('has no deadline once it is complete, nor while it is paused', () => {
    const object = deployment({});
    write(object, 0, [2, 2, 2]);
    expect(deadlineIn(object, START)).toBeUndefined();
    const paused = deployment({ paused: true });
    expect(progressing(write(paused, 0, [2, 1, 2]))).toMatchObject({ reason: 'DeploymentPaused' });
    expect(deadlineIn(paused, START)).toBeUndefined();
  });

  it('is not available below the minimum, and times move only with the status', () => {
    const object = deployment({});
    expect(available(write(object, 0, [2, 2, 1]))).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
    write(object, 5, [2, 2, 2]);
    expect(available(write(object, 9, [2, 2, 2]))).toMatchObject({
      status: 'True',
      lastTransitionTime: '2026-01-01T00:00:05Z',
      lastUpdateTime: '2026-01-01T00:00:05Z',
    });
  });
});
