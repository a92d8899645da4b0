/** Keeps the EndpointSlices of Services with a selector, as Kubernetes's endpointslice controller does. */
import { equalJson, objectAt, stringAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { ControllerLoop, namespaceOf } from '../controller.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { hasEnded, matchesLabels, ownerReference } from '../pod-state.ts';
import { planSlices } from './slice-plan.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
const MAX_ENDPOINTS = 100;

/** The labels of the Service go to its slices, with ours. */
function labelsFor(service: StoredObject): Record<string, string> {
  return {
    ...service.metadata.labels,
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: MANAGER,
    ...(stringAt(service, 'spec', 'clusterIP') === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
  };
}

/** What of a Pod an endpoint depends on. */
function endpointPart(pod: StoredObject | undefined): unknown {
  if (!pod) return undefined;
  const { labels, deletionTimestamp } = pod.metadata;
  return { labels, deletionTimestamp, spec: pod['spec'], status: pod['status'] };
}

/** Starts the controller. Slices that others made, without our managed-by label, are left alone. */
export function startEndpointSliceController(context: ControllerContext): Controller {
  const { storage } = context;
  const services = storage.resource('v1', 'services');
  const pods = storage.resource('v1', 'pods');
  const slices = storage.resource('discovery.k8s.io/v1', 'endpointslices');

  const ours = (namespace: string, service: string): StoredObject[] =>
    slices
      .list(namespace)
      .filter(({ metadata: { labels } }) => labels?.[SERVICE_NAME] === service && labels[MANAGED_BY] === MANAGER);

  const reconcile = (namespace: string, name: string): void => {
    const service = services.get(namespace, name);
    const existing = ours(namespace, name);
    const selector = service && objectAt(service, 'spec', 'selector');
    const selects = selector && Object.keys(selector).length > 0 && stringAt(service, 'spec', 'type') !== 'ExternalName';
    if (!service || service.metadata.deletionTimestamp !== undefined || !selects) {
      for (const slice of existing) slices.delete(namespace, slice.metadata.name);
      return;
    }
    const chosen = pods
      .list(namespace)
      .filter((pod) => matchesLabels(selector, pod.metadata.labels) && !hasEnded(pod) && stringAt(pod, 'status', 'podIP'));
    const kept = new Set<string>();
    const owner = ownerReference(service);
    for (const { name: sliceName, ports, endpoints } of planSlices(service, chosen, existing, MAX_ENDPOINTS)) {
      const fill = (slice: JsonObject): void => {
        slice['endpoints'] = endpoints;
        slice['ports'] = ports;
      };
      if (sliceName === undefined) {
        const metadata = { generateName: `${name}-`, labels: labelsFor(service), ownerReferences: [owner] };
        const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4' };
        fill(slice);
        slices.create(namespace, slice);
        continue;
      }
      kept.add(sliceName);
      slices.update(namespace, sliceName, (slice) => {
        slice.metadata.labels = labelsFor(service);
        slice.metadata.ownerReferences = [owner];
        fill(slice);
      });
    }
    for (const slice of existing) if (!kept.has(slice.metadata.name)) slices.delete(namespace, slice.metadata.name);
  };

  const loop = new ControllerLoop('endpoint-slices', context, reconcile);
  loop.watch('v1', 'services', ({ object }) => loop.queue.add(namespaceOf(object), object.metadata.name));
  loop.watch('v1', 'pods', ({ type, object, previous }) => {
    if (type === 'MODIFIED' && equalJson(endpointPart(object), endpointPart(previous))) return;
    for (const service of services.list(namespaceOf(object))) {
      const selector = objectAt(service, 'spec', 'selector');
      const matches = matchesLabels(selector, object.metadata.labels) || matchesLabels(selector, previous?.metadata.labels);
      if (matches) loop.queue.add(namespaceOf(service), service.metadata.name);
    }
  });
  loop.watch('discovery.k8s.io/v1', 'endpointslices', ({ object }) => {
    const service = object.metadata.labels?.[SERVICE_NAME];
    if (service !== undefined && object.metadata.labels?.[MANAGED_BY] === MANAGER) loop.queue.add(namespaceOf(object), service);
  });
  return loop;
}
