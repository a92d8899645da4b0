/** Which Secrets and ConfigMaps matter: only these are fetched and kept. */
import type { ObjectCache, ObjectKey } from '../cluster/cluster.ts';
import type { Ingress } from '../model/objects.ts';
import type { ClusterView } from '../model/view.ts';
import { clientCaSecret } from '../policies/tls/client-certificate.ts';
import { annotationSource, type ObjectReference } from '../policies/policy.ts';
import { policyReferences, readPolicies } from '../policies/registry.ts';
import { headerConfigMaps } from '../policies/headers/global-headers.ts';
import { proxySsl } from '../policies/tls/proxy-ssl.ts';
import type { Settings } from '../settings/settings.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { acceptIngress } from '../translate/accept.ts';
import { objectKey } from '../translate/read.ts';

/** What is fetched and kept, each once. */
export interface ReferencedObjects {
  readonly secrets: readonly ObjectKey[];
  /** Those that annotations name. */
  readonly configMaps: readonly ObjectKey[];
}

/**
 * The Secrets and ConfigMaps that the Ingresses of our classes name, and `--default-ssl-certificate`. Ingresses of other classes do not count:
 * their Secrets are none of our business.
 */
export function referencedObjects(view: ClusterView, settings: Settings): ReferencedObjects {
  const secrets = new Map<string, ObjectKey>();
  const configMaps = new Map<string, ObjectKey>();
  const add = (keys: Map<string, ObjectKey>, { namespace, name }: ObjectKey): void => {
    keys.set(objectKey(namespace, name), { namespace, name });
  };
  const { translate } = settings;
  if (translate.defaultSslCertificate !== null) add(secrets, translate.defaultSslCertificate);
  for (const name of headerConfigMaps(translate)) add(configMaps, name);
  for (const ingress of view.ingresses()) {
    if (!acceptIngress(ingress, view.ingressClass, translate).accepted) continue;
    for (const { kind, ...key } of annotationReferences(ingress, translate)) add(kind === 'Secret' ? secrets : configMaps, key);
    // What the API server has not validated may have any shape.
    const tls: unknown = ingress.spec?.tls;
    if (!Array.isArray(tls)) continue;
    for (const entry of tls as readonly ({ readonly secretName?: unknown } | null)[]) {
      const name = entry?.secretName;
      if (typeof name === 'string' && name !== '') add(secrets, { namespace: ingress.metadata.namespace ?? 'default', name });
    }
  }
  return { secrets: [...secrets.values()], configMaps: [...configMaps.values()] };
}

/** Annotations are read again only when the Ingress, or what they are read by, has changed. */
const known = new WeakMap<Ingress, { readonly settings: TranslateSettings; readonly references: readonly ObjectReference[] }>();

function annotationReferences(ingress: Ingress, settings: TranslateSettings): readonly ObjectReference[] {
  const before = known.get(ingress);
  if (before?.settings === settings) return before.references;
  const { annotations, namespace = 'default' } = ingress.metadata;
  const source = annotationSource(annotations, settings.annotationsPrefix, () => undefined, namespace);
  const references = [...policyReferences(readPolicies(source, settings))];
  const { secret } = proxySsl.read(source, settings);
  if (secret !== null && (secret.namespace === namespace || settings.allowCrossNamespaceResources))
    references.push({ kind: 'Secret', ...secret });
  const clientCa = clientCaSecret(annotations?.[`${settings.annotationsPrefix}/auth-tls-secret`]);
  if (clientCa !== undefined) references.push({ kind: 'Secret', ...clientCa });
  known.set(ingress, { settings, references });
  return references;
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
