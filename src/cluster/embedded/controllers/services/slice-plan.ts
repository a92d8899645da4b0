/** Which EndpointSlices a Service should have: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/. Pure. */
import { arrayAt, equalJson, isObject, stringAt, valueAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { containersOf, isReady, isTerminating } from '../pod-state.ts';

/** What one slice should hold. `name` is that of the slice to change; undefined for a new one. */
interface PlannedSlice {
  readonly name: string | undefined;
  readonly ports: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
}

/** The number of a Service port on one Pod; undefined when the Pod has no port of that name. */
function targetPort(port: JsonObject, pod: StoredObject): number | undefined {
  const target = port['targetPort'] ?? port['port'];
  if (typeof target === 'number') return target;
  const protocol = stringAt(port, 'protocol') ?? 'TCP';
  for (const container of containersOf(pod)) {
    for (const declared of arrayAt(container, 'ports')) {
      const number = valueAt(declared, 'containerPort');
      const same = stringAt(declared, 'name') === target && (stringAt(declared, 'protocol') ?? 'TCP') === protocol;
      if (same && typeof number === 'number') return number;
    }
  }
  return undefined;
}

function portsFor(service: StoredObject, pod: StoredObject): JsonObject[] {
  const ports: JsonObject[] = [];
  for (const port of arrayAt(service, 'spec', 'ports').filter(isObject)) {
    const number = targetPort(port, pod);
    if (number === undefined) continue;
    const appProtocol = stringAt(port, 'appProtocol');
    ports.push({
      name: stringAt(port, 'name') ?? '',
      protocol: stringAt(port, 'protocol') ?? 'TCP',
      port: number,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    });
  }
  return ports;
}

function endpointFor(service: StoredObject, pod: StoredObject): JsonObject {
  const terminating = isTerminating(pod);
  const serving = isReady(pod);
  const publishAll = valueAt(service, 'spec', 'publishNotReadyAddresses') === true;
  const hostname = stringAt(pod, 'spec', 'hostname');
  const named = hostname !== undefined && stringAt(pod, 'spec', 'subdomain') === service.metadata.name;
  return {
    addresses: [stringAt(pod, 'status', 'podIP')],
    conditions: { ready: publishAll || (serving && !terminating), serving, terminating },
    ...(named ? { hostname } : {}),
    nodeName: stringAt(pod, 'spec', 'nodeName'),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
}

const uidOf = (endpoint: unknown): string | undefined => stringAt(endpoint, 'targetRef', 'uid');

/**
 * Plans the slices of a Service for its Pods. Pods whose named ports have different numbers go into different slices. An endpoint
 * stays in the slice it is in, a new one goes into the first with room, none holds more than `maxEndpoints`. A Service without
 * endpoints keeps one empty slice.
 */
export function planSlices(
  service: StoredObject,
  pods: readonly StoredObject[],
  existing: readonly StoredObject[],
  maxEndpoints: number,
): PlannedSlice[] {
  const groups: { readonly ports: JsonObject[]; readonly endpoints: Map<string, JsonObject> }[] = [];
  const wantsPorts = arrayAt(service, 'spec', 'ports').length > 0;
  for (const pod of pods) {
    const ports = portsFor(service, pod);
    // None of the Service's ports is on this Pod. (A headless Service may have no port at all.)
    if (wantsPorts && ports.length === 0) continue;
    let group = groups.find((other) => equalJson(other.ports, ports));
    if (!group) groups.push((group = { ports, endpoints: new Map() }));
    group.endpoints.set(pod.metadata.uid, endpointFor(service, pod));
  }
  const free = [...existing];
  const planned: PlannedSlice[] = [];
  for (const group of groups) {
    const slices: { name: string | undefined; endpoints: JsonObject[] }[] = [];
    const left = new Map(group.endpoints);
    for (const slice of existing) {
      if (!equalJson(slice['ports'] ?? [], group.ports)) continue;
      free.splice(free.indexOf(slice), 1);
      const endpoints: JsonObject[] = [];
      for (const endpoint of arrayAt(slice, 'endpoints')) {
        const uid = uidOf(endpoint) ?? '';
        const next = left.get(uid);
        if (next && endpoints.length < maxEndpoints && left.delete(uid)) endpoints.push(next);
      }
      slices.push({ name: slice.metadata.name, endpoints });
    }
    for (const endpoint of left.values()) {
      let slice = slices.find((other) => other.endpoints.length < maxEndpoints);
      if (!slice) slices.push((slice = { name: free.shift()?.metadata.name, endpoints: [] }));
      slice.endpoints.push(endpoint);
    }
    for (const { name, endpoints } of slices) if (endpoints.length > 0) planned.push({ name, ports: group.ports, endpoints });
  }
  if (planned.length === 0) planned.push({ name: existing[0]?.metadata.name, ports: [], endpoints: [] });
  return planned;
}
