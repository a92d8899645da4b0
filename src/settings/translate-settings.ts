/** The settings of translation: plain data, as `settings.ts` has those of the other parts. */

/** What translation needs besides the objects. */
export interface TranslateSettings {
  /** `--controller-class`. */
  readonly controllerClass: string;
  /** `--ingress-class`: the name for the annotation `kubernetes.io/ingress.class` and for `--ingress-class-by-name`. */
  readonly ingressClass: string;
  readonly ingressClassByName: boolean;
  readonly watchIngressWithoutClass: boolean;
  /** `--annotations-prefix`. */
  readonly annotationsPrefix: string;
  readonly conformance: 'nginx' | 'kubernetes';
  readonly disableCatchAll: boolean;
  readonly disableServiceExternalName: boolean;
  /** `--default-backend-service`; null: the built-in 404. */
  readonly defaultBackendService: { readonly namespace: string; readonly name: string } | null;
  /** `--default-ssl-certificate`; null: self-signed. */
  readonly defaultSslCertificate: { readonly namespace: string; readonly name: string } | null;
  /** ConfigMap defaults of the annotations of the same name. */
  readonly sslRedirect: boolean;
  readonly forceSslRedirect: boolean;
  readonly preserveTrailingSlash: boolean;
  readonly httpRedirectCode: number;
  readonly relativeRedirects: boolean;
  readonly usePortInRedirects: boolean;
  readonly noTlsRedirectLocations: readonly string[];
  readonly serviceUpstream: boolean;
  /** `add-headers` and `proxy-set-headers`: ConfigMaps of fields for all responses, and for all requests to backends; null: none. */
  readonly addHeaders: { readonly namespace: string; readonly name: string } | null;
  readonly proxySetHeaders: { readonly namespace: string; readonly name: string } | null;
  /** `hide-headers`: fields of backends that clients do not get. */
  readonly hideHeaders: readonly string[];
  /** `global-allowed-response-headers`: those that the annotation `custom-headers` may set. */
  readonly globalAllowedResponseHeaders: readonly string[];
  /** `proxy-http-version`. */
  readonly proxyHttpVersion: '1.0' | '1.1';
  /** `proxy-cookie-domain` and `proxy-cookie-path`: `off`, or two words of nginx's. */
  readonly proxyCookieDomain: string;
  readonly proxyCookiePath: string;
  /** `proxy-redirect-from` and `proxy-redirect-to`. */
  readonly proxyRedirectFrom: string;
  readonly proxyRedirectTo: string;
  /** `custom-http-errors`: errors whose page the default backend has. */
  readonly customHttpErrors: readonly number[];
  /** `disable-proxy-intercept-errors`: only where Sluice itself would answer with them. */
  readonly disableProxyInterceptErrors: boolean;
  /** `--enable-topology-aware-routing`. */
  readonly topologyAwareRouting: boolean;
  /** `POD_ZONE`, which the chart sets: the zone that we run in. Empty: not known. */
  readonly zone: string;
  readonly loadBalance: 'round_robin' | 'ewma';
  /** `whitelist-source-range` and `denylist-source-range`: what holds for Ingresses without an annotation of their own. */
  readonly allowedSourceRanges: readonly string[];
  readonly deniedSourceRanges: readonly string[];
  /** `block-cidrs`, `block-user-agents`, `block-referers`: clients that get 403 wherever they go. */
  readonly blockedCidrs: readonly string[];
  readonly blockedUserAgents: readonly string[];
  readonly blockedReferers: readonly string[];
  /** `no-auth-locations`: Ingress paths that begin so need no authentication. */
  readonly noAuthLocations: readonly string[];
  /**
   * `global-auth-url` and its kin, as they are written: the values of the annotations `auth-…` for Ingresses that have no `auth-url`.
   * What cannot be understood denies those Ingresses, so it must not be lost here.
   */
  readonly globalAuthUrl: string;
  readonly globalAuthMethod: string;
  readonly globalAuthSignin: string;
  readonly globalAuthSigninRedirectParam: string;
  readonly globalAuthResponseHeaders: string;
  readonly globalAuthRequestRedirect: string;
  /** `global-auth-snippet`: a program of nginx's directives, as it is written. */
  readonly globalAuthSnippet: string;
  readonly globalAuthCacheKey: string;
  readonly globalAuthCacheDuration: string;
  readonly globalAuthAlwaysSetCookie: boolean;
  /** `allow-cross-namespace-resources`: annotations may name Secrets of other namespaces. */
  readonly allowCrossNamespaceResources: boolean;
  readonly strictValidatePathType: boolean;
  /** `enable-opentelemetry`, `opentelemetry-trust-incoming-span`, `opentelemetry-operation-name`: defaults of these annotations. */
  readonly enableOpentelemetry: boolean;
  readonly opentelemetryTrustIncomingSpan: boolean;
  readonly opentelemetryOperationName: string;
  /** `allow-snippet-annotations`. */
  readonly allowSnippetAnnotations: boolean;
  /** `annotations-risk-level`: no annotation of a higher risk is allowed. */
  readonly annotationsRiskLevel: 'Low' | 'Medium' | 'High' | 'Critical';
  /** `annotation-value-word-blocklist`: no value of an annotation may hold one of these. */
  readonly annotationValueWordBlocklist: readonly string[];
  /** `server-snippet`, `location-snippet`: directives of nginx for every host, and every path; empty: none. */
  readonly serverSnippet: string;
  readonly locationSnippet: string;
  /** `enable-modsecurity`: there is none here, which denies everything unless `allowUnprotected` names it. */
  readonly enableModsecurity: boolean;
  /** `--allow-unprotected`: protections that are not given, and do not deny what asks for them. */
  readonly allowUnprotected: readonly string[];
  /** `--enable-ssl-passthrough`: the annotation `ssl-passthrough` is heeded. */
  readonly sslPassthrough: boolean;
  /** `--tcp-services-configmap` and `--udp-services-configmap`; null: none. */
  readonly tcpServicesConfigMap: { readonly namespace: string; readonly name: string } | null;
  readonly udpServicesConfigMap: { readonly namespace: string; readonly name: string } | null;
  /** Ports that no TCP or UDP service can have: `--http-port`, `--https-port`, `--healthz-port`. */
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly adminPort: number;
}
