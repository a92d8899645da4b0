/** The admission of a default IngressClass (https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class). */
import { isObject } from '../api/json.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';
import type { StoredObject } from '../api/storage.ts';

const IS_DEFAULT = 'ingressclass.kubernetes.io/is-default-class';
const OLD_CLASS = 'kubernetes.io/ingress.class';

/** Sets `spec.ingressClassName` of a new Ingress that names no class in either way. Of several defaults the newest wins, then the first by name. */
export function admitDefaultClass(storage: MemoryStorage, ingress: StoredObject): void {
  const spec = ingress['spec'];
  if (isObject(spec) && spec['ingressClassName'] !== undefined && spec['ingressClassName'] !== null) return;
  if (ingress.metadata.annotations?.[OLD_CLASS] !== undefined) return;
  let chosen: StoredObject | undefined;
  for (const candidate of storage.collection('ingressclasses.networking.k8s.io').list()) {
    if (candidate.metadata.annotations?.[IS_DEFAULT] !== 'true') continue;
    if (chosen === undefined || candidate.metadata.creationTimestamp > chosen.metadata.creationTimestamp) chosen = candidate;
  }
  if (chosen === undefined) return;
  ingress['spec'] = { ...(isObject(spec) ? spec : {}), ingressClassName: chosen.metadata.name };
}
