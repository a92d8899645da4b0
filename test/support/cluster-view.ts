/** A ClusterView over a set of objects, and the settings translation tests start from. */
import { createPrivateKey } from 'node:crypto';

import type { Ingress, KubeObject } from '../../src/model/objects.ts';
import { SERVICE_NAME_LABEL } from '../../src/model/objects.ts';
import type { Certificate } from '../../src/model/table.ts';
import { certificateId } from '../../src/model/table.ts';
import type { ClusterView } from '../../src/model/view.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { makeKey } from './pki.ts';

/** ingress-nginx's defaults. */
export const TRANSLATE_DEFAULTS: TranslateSettings = {
  controllerClass: 'k8s.io/ingress-nginx',
  ingressClass: 'nginx',
  ingressClassByName: false,
  watchIngressWithoutClass: false,
  annotationsPrefix: 'nginx.ingress.kubernetes.io',
  conformance: 'nginx',
  disableCatchAll: false,
  disableServiceExternalName: false,
  defaultBackendService: null,
  defaultSslCertificate: null,
  sslRedirect: true,
  forceSslRedirect: false,
  preserveTrailingSlash: false,
  httpRedirectCode: 308,
  relativeRedirects: false,
  usePortInRedirects: false,
  noTlsRedirectLocations: ['/.well-known/acme-challenge'],
  allowedSourceRanges: [],
  deniedSourceRanges: [],
  blockedCidrs: [],
  blockedUserAgents: [],
  blockedReferers: [],
  noAuthLocations: ['/.well-known/acme-challenge'],
  globalAuthUrl: '',
  globalAuthMethod: '',
  globalAuthSignin: '',
  globalAuthSigninRedirectParam: 'rd',
  globalAuthResponseHeaders: '',
  globalAuthRequestRedirect: '',
  globalAuthSnippet: '',
  globalAuthCacheKey: '',
  globalAuthCacheDuration: '200 202 401 5m',
  globalAuthAlwaysSetCookie: false,
  allowCrossNamespaceResources: false,
  serviceUpstream: false,
  addHeaders: null,
  proxySetHeaders: null,
  hideHeaders: [],
  globalAllowedResponseHeaders: [],
  proxyHttpVersion: '1.1',
  proxyCookieDomain: 'off',
  proxyCookiePath: 'off',
  proxyRedirectFrom: 'off',
  proxyRedirectTo: 'off',
  customHttpErrors: [],
  disableProxyInterceptErrors: false,
  loadBalance: 'round_robin',
  topologyAwareRouting: false,
  zone: '',
  strictValidatePathType: true,
  enableOpentelemetry: false,
  opentelemetryTrustIncomingSpan: true,
  opentelemetryOperationName: '',
  allowSnippetAnnotations: false,
  annotationsRiskLevel: 'High',
  annotationValueWordBlocklist: [],
  serverSnippet: '',
  locationSnippet: '',
  enableModsecurity: false,
  allowUnprotected: [],
  sslPassthrough: false,
  tcpServicesConfigMap: null,
  udpServicesConfigMap: null,
  httpPort: 80,
  httpsPort: 443,
  adminPort: 10_254,
};

/** Stands for the self-signed default certificate where its content does not matter. */
export const FALLBACK_CERTIFICATE: Certificate = {
  id: certificateId('', 'fallback'),
  chain: '',
  key: createPrivateKey(makeKey('ec', 'fallback')),
  fingerprint: 'fallback',
  names: ['ingress.local'],
  notBefore: 0,
  notAfter: 4_102_444_800_000,
};

/** Objects by kind, namespace and name, in the order they were put. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();

  constructor(objects: Iterable<KubeObject> = []) {
    for (const object of objects) this.put(object);
  }

  /** Returns the object it replaced. */
  put(object: KubeObject): KubeObject | undefined {
    const key = keyOf(object.kind ?? '', object.metadata.namespace ?? '', object.metadata.name);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    return before;
  }

  remove(object: KubeObject): KubeObject | undefined {
    const key = keyOf(object.kind ?? '', object.metadata.namespace ?? '', object.metadata.name);
    const before = this.#objects.get(key);
    this.#objects.delete(key);
    return before;
  }

  objects(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  view(): ClusterView {
    const get = (kind: string, namespace: string, name: string): KubeObject | undefined =>
      this.#objects.get(keyOf(kind, namespace, name));
    const list = (kind: string): KubeObject[] => this.objects().filter((object) => object.kind === kind);
    return {
      ingresses: () => list('Ingress') as Ingress[],
      ingressClass: (name) => get('IngressClass', '', name),
      service: (namespace, name) => get('Service', namespace, name),
      endpointSlices: (namespace, service) =>
        list('EndpointSlice').filter(
          ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[SERVICE_NAME_LABEL] === service,
        ),
      secret: (namespace, name) => get('Secret', namespace, name),
      configMap: (namespace, name) => get('ConfigMap', namespace, name),
    };
  }
}

function keyOf(kind: string, namespace: string, name: string): string {
  return JSON.stringify([kind, namespace, name]);
}
