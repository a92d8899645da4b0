/** On which ports a Pod that declares none is expected: those that its Services name by number. */
import { arrayAt, isObject, objectAt, stringAt } from '../../api/json.ts';
import type { Storage, StoredObject } from '../../api/storage.ts';
import { namespaceOf } from '../controller.ts';
import { containerPorts, matchesLabels } from '../pod-state.ts';

/**
 * The numeric TCP target ports of the Services that select a Pod, each with the name of one such Service. A Pod may leave its
 * `containerPort`s out (`kubectl create deployment` does), for they open nothing; what it listens on is in its image, and all
 * that is known of that here are its Services. None for a Pod that declares ports: it has no others.
 */
export function servicePorts(storage: Storage, pod: StoredObject): ReadonlyMap<number, string> {
  const ports = new Map<number, string>();
  if (containerPorts(pod).length > 0) return ports;
  for (const service of storage.resource('v1', 'services').list(namespaceOf(pod))) {
    if (!matchesLabels(objectAt(service, 'spec', 'selector'), pod.metadata.labels)) continue;
    for (const port of arrayAt(service, 'spec', 'ports').filter(isObject)) {
      const target = port['targetPort'] ?? port['port'];
      if (typeof target === 'number' && (stringAt(port, 'protocol') ?? 'TCP') === 'TCP')
        ports.set(target, service.metadata.name);
    }
  }
  return ports;
}
