/** The cluster as translation may see it, over the store. */
import type { ObjectCache } from '../cluster/cluster.ts';
import type { ClusterView } from '../model/view.ts';

/** A view that always shows the latest state of the cache. */
export function clusterView(cache: ObjectCache): ClusterView {
  return {
    ingresses: () => cache.list('Ingress'),
    ingressClass: (name) => cache.get('IngressClass', '', name),
    service: (namespace, name) => cache.get('Service', namespace, name),
    endpointSlices: (namespace, service) => cache.endpointSlicesOf(namespace, service),
    configMap: (namespace, name) => cache.get('ConfigMap', namespace, name),
    secret: (namespace, name) => cache.get('Secret', namespace, name),
  };
}
