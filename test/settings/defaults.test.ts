import { expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import type { ControllerSettings, ProxySettings, TranslateSettings } from '../../src/settings/settings.ts';

// The type checker holds these lists complete; the test holds the defaults to them.
const PROXY: Record<keyof ProxySettings, true> = {
  bindAddress: true,
  httpPort: true,
  httpsPort: true,
  publicHttpPort: true,
  publicHttpsPort: true,
  clientHeaderTimeout: true,
  clientBodyTimeout: true,
  clientSendTimeout: true,
  tlsHandshakeTimeout: true,
  keepAliveTimeout: true,
  keepAliveRequests: true,
  maxConnections: true,
  overloadMemory: true,
  overloadDelay: true,
  maxRequestHeadSize: true,
  maxRequestLineSize: true,
  maxRequestHeaders: true,
  maxRequestBodySize: true,
  maxResponseHeadSize: true,
  maxResponseHeaders: true,
  upstreamConnectTimeout: true,
  upstreamReadTimeout: true,
  upstreamSendTimeout: true,
  upstreamTries: true,
  upstreamTriesTimeout: true,
  retryNonIdempotent: true,
  upstreamKeepAliveConnections: true,
  upstreamKeepAliveRequests: true,
  upstreamKeepAliveTime: true,
  upstreamKeepAliveTimeout: true,
  useForwardedHeaders: true,
  computeFullForwardedFor: true,
  generateRequestId: true,
  addOriginalUriHeader: true,
  underscoresInHeaders: true,
  allowBackendServerHeader: true,
  strictTransportSecurity: true,
  tlsMinVersion: true,
  tlsMaxVersion: true,
  tlsCiphers: true,
  healthCheckPath: true,
  accessLog: true,
};
const TRANSLATE: Record<keyof TranslateSettings, true> = {
  controllerClass: true,
  ingressClass: true,
  ingressClassByName: true,
  watchIngressWithoutClass: true,
  annotationsPrefix: true,
  conformance: true,
  disableCatchAll: true,
  disableServiceExternalName: true,
  defaultBackendService: true,
  defaultSslCertificate: true,
  sslRedirect: true,
  forceSslRedirect: true,
  preserveTrailingSlash: true,
  httpRedirectCode: true,
  noTlsRedirectLocations: true,
  serviceUpstream: true,
  strictValidatePathType: true,
};
const CONTROLLER: Record<keyof ControllerSettings, true> = {
  kubeconfig: true,
  apiserverHost: true,
  certificateAuthority: true,
  watchNamespace: true,
  watchNamespaceSelector: true,
  configMap: true,
  publishService: true,
  publishStatusAddress: true,
  reportNodeInternalIpAddress: true,
  updateStatus: true,
  updateStatusOnShutdown: true,
  statusUpdateInterval: true,
  disableLeaderElection: true,
  electionId: true,
  electionTtl: true,
  podName: true,
  podNamespace: true,
  adminPort: true,
  adminAddress: true,
  healthCheckPath: true,
  enableMetrics: true,
  metricsPerHost: true,
  shutdownGracePeriod: true,
  workerShutdownTimeout: true,
  workers: true,
  memoryLimit: true,
  logLevel: true,
  disableSyncEvents: true,
};

it('fills every setting with a default', () => {
  expect(Object.keys(DEFAULT_SETTINGS.proxy).sort()).toEqual(Object.keys(PROXY).sort());
  expect(Object.keys(DEFAULT_SETTINGS.translate).sort()).toEqual(Object.keys(TRANSLATE).sort());
  expect(Object.keys(DEFAULT_SETTINGS.controller).sort()).toEqual(Object.keys(CONTROLLER).sort());
});

it('is plain data that a worker can be given', () => {
  expect(structuredClone(DEFAULT_SETTINGS)).toEqual(DEFAULT_SETTINGS);
});
