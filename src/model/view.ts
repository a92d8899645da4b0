/** The controller's read-only view of the cluster: what translation may look at. Implemented over the store by `controller/`. */
import type { ConfigMap, EndpointSlice, Ingress, IngressClass, Secret, Service } from './objects.ts';

export interface ClusterView {
  /** All Ingresses of the watched namespaces, of any class, in no particular order. */
  readonly ingresses: () => Iterable<Ingress>;
  readonly ingressClass: (name: string) => IngressClass | undefined;
  readonly service: (namespace: string, name: string) => Service | undefined;
  /** The EndpointSlices labelled with this Service's name, in no particular order. */
  readonly endpointSlices: (namespace: string, service: string) => readonly EndpointSlice[];
  readonly configMap: (namespace: string, name: string) => ConfigMap | undefined;
  readonly secret: (namespace: string, name: string) => Secret | undefined;
}
