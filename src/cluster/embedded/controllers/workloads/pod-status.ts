/** What a Pod's status says: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/. */
import { arrayAt, isObject, stringAt, valueAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { setCondition } from '../conditions.ts';
import { containersOf } from '../pod-state.ts';

/** The state of a Pod's backend, as its status should show it. */
export type PodRun =
  | { readonly state: 'running'; readonly address: string; readonly startedAt: string; readonly ready: boolean }
  | { readonly state: 'failed'; readonly message: string };

/** The address of the one node. */
const NODE_ADDRESS = '127.0.0.1';

/** Fills in the status of a Pod that is being updated. `time` is now, in RFC 3339. */
export function writePodStatus(pod: StoredObject, status: JsonObject, run: PodRun, time: string): void {
  const running = run.state === 'running';
  const ready = running && run.ready;
  status['phase'] = running ? 'Running' : 'Pending';
  status['hostIP'] = NODE_ADDRESS;
  status['hostIPs'] = [{ ip: NODE_ADDRESS }];
  if (running) {
    status['podIP'] = run.address;
    status['podIPs'] = [{ ip: run.address }];
    status['startTime'] ??= run.startedAt;
  }
  status['qosClass'] ??= 'BestEffort';
  status['observedGeneration'] = pod.metadata.generation;
  const names = containersOf(pod).map((container) => stringAt(container, 'name') ?? '');
  const why = { reason: 'ContainersNotReady', message: `containers with unready status: [${names.join(' ')}]` };
  const flag = (type: string, holds: boolean, otherwise: { reason?: string; message?: string } = {}): void => {
    setCondition(status, { type, status: holds ? 'True' : 'False', ...(holds ? {} : otherwise) }, time);
  };
  flag('PodScheduled', true);
  flag('PodReadyToStartContainers', running);
  flag('Initialized', true);
  flag('ContainersReady', ready, why);
  const gate = ready ? openGate(pod, status) : undefined;
  const closed = gate === undefined ? why : { reason: 'ReadinessGatesNotReady', message: gate };
  flag('Ready', ready && gate === undefined, closed);
  status['containerStatuses'] = containersOf(pod).map((container) => {
    const image = stringAt(container, 'image') ?? '';
    const name = stringAt(container, 'name') ?? '';
    return {
      name,
      image,
      imageID: image,
      ...(running ? { containerID: `embedded://${pod.metadata.uid}/${name}` } : {}),
      ready,
      started: running,
      restartCount: 0,
      lastState: {},
      state: running
        ? { running: { startedAt: run.startedAt } }
        : { waiting: { reason: 'CreateContainerError', message: run.message } },
    };
  });
}

/** The readiness gate that is not open, as a sentence. */
function openGate(pod: StoredObject, status: JsonObject): string | undefined {
  const conditions = arrayAt(status, 'conditions').filter(isObject);
  for (const gate of arrayAt(pod, 'spec', 'readinessGates')) {
    const type = valueAt(gate, 'conditionType');
    const condition = conditions.find((other) => other['type'] === type);
    if (condition?.['status'] !== 'True')
      return `corresponding condition of pod readiness gate "${String(type)}" does not exist.`;
  }
  return undefined;
}
