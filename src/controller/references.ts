/** Which Secrets and ConfigMaps matter: only these are fetched and kept. */
import type { ObjectCache, ObjectKey } from '../cluster/cluster.ts';
import type { Ingress } from '../model/objects.ts';
import type { ClusterView } from '../model/view.ts';
import { clientCaSecret } from '../policies/client-certificate.ts';
import { annotationSource } from '../policies/policy.ts';
import { proxySsl } from '../policies/proxy-ssl.ts';
import type { Settings } from '../settings/settings.ts';
import { acceptIngress } from '../translate/accept.ts';
import { objectKey } from '../translate/read.ts';

/**
 * The Secrets that the Ingresses of our classes name, and `--default-ssl-certificate`; each once. Ingresses of other classes
 * do not count: their Secrets are none of our business.
 */
export function referencedSecrets(view: ClusterView, settings: Settings): readonly ObjectKey[] {
  const keys = new Map<string, ObjectKey>();
  const add = (namespace: string, name: string): void => {
    keys.set(objectKey(namespace, name), { namespace, name });
  };
  const fallback = settings.translate.defaultSslCertificate;
  if (fallback !== null) add(fallback.namespace, fallback.name);
  for (const ingress of view.ingresses()) {
    if (!acceptIngress(ingress, view.ingressClass, settings.translate).accepted) continue;
    const named = upstreamSecretOf(ingress, settings);
    if (named !== null) add(named.namespace, named.name);
    const clientCa = clientCaSecret(ingress.metadata.annotations?.[`${settings.translate.annotationsPrefix}/auth-tls-secret`]);
    if (clientCa !== undefined) add(clientCa.namespace, clientCa.name);
    // What the API server has not validated may have any shape.
    const tls: unknown = ingress.spec?.tls;
    if (!Array.isArray(tls)) continue;
    for (const entry of tls as readonly ({ readonly secretName?: unknown } | null)[]) {
      const name = entry?.secretName;
      if (typeof name === 'string' && name !== '') add(ingress.metadata.namespace ?? 'default', name);
    }
  }
  return [...keys.values()];
}

/** The Secret of `proxy-ssl-secret`; null: none, or one that is not used. */
function upstreamSecretOf(ingress: Ingress, settings: Settings): ObjectKey | null {
  const source = annotationSource(ingress.metadata.annotations, settings.translate.annotationsPrefix, () => undefined);
  const { secret } = proxySsl.read(source, settings.translate);
  return secret !== null && secret.namespace === (ingress.metadata.namespace ?? 'default') ? secret : null;
}

/** Whether an Ingress is ours to serve, and so to write a status into. */
export function isAccepted(ingress: Ingress, cache: ObjectCache, settings: Settings): boolean {
  return acceptIngress(ingress, (name) => cache.get('IngressClass', '', name), settings.translate).accepted;
}

/** The ConfigMaps of `--configmap`, `--tcp-services-configmap` and `--udp-services-configmap`. */
export function referencedConfigMaps({
  controller,
  translate,
}: Pick<Settings, 'controller' | 'translate'>): readonly ObjectKey[] {
  const named = [controller.configMap, translate.tcpServicesConfigMap, translate.udpServicesConfigMap];
  return named.filter((key) => key !== null);
}
