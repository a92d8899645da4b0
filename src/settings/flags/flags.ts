/**
 * Every command-line flag of `sluice controller`, once: name, type, default, meaning and the setting it fills. Names,
 * types and defaults are ingress-nginx's (v1.15.1, pkg/flags/flags.go) but for those under "Sluice's own".
 */
import { availableParallelism, tmpdir } from 'node:os';
import {
  ADDRESSES,
  CONTROLLER,
  ELECTION_TTL,
  FILE,
  FOLDER,
  HOST,
  LIMIT_MEMORY,
  NAMESPACE,
  OVERLOAD_DELAY,
  OVERLOAD_MEMORY,
  PATH,
  SELECTOR,
  UNPROTECTED,
  URL_TEXT,
  VERBOSITY,
  WORKERS,
} from './flag-types.ts';
import { section, type Flag } from './flag.ts';
import { IDLE_FLAGS } from './idle-flags.ts';
import { METRIC_FLAGS } from './metric-flags.ts';
import { BOOLEAN, DNS, IP_ADDRESS, NAMESPACED_NAME, NGINX_SIZE, oneOf, PORT, SECONDS_OR_DURATION } from '../values/values.ts';

const ingresses = section('Ingresses');
const cluster = section('Cluster');
const status = section('Status');
const listening = section('Listening');
const health = section('Health, metrics and logs');
const shutdown = section('Shutdown');
const own = section("Sluice's own");

/** All flags, in the order of `--help`. `--help` and `--version` are not here: they fill nothing. */
export const FLAGS: readonly Flag[] = [
  ingresses(
    'controller-class',
    CONTROLLER,
    'k8s.io/ingress-nginx',
    'Serve the Ingresses whose IngressClass names this controller in spec.controller.',
    (controllerClass) => ({ translate: { controllerClass } }),
  ),
  ingresses(
    'ingress-class',
    DNS,
    'nginx',
    'Serve the Ingresses without ingressClassName whose annotation kubernetes.io/ingress.class is this; also the class of --ingress-class-by-name.',
    (ingressClass) => ({ translate: { ingressClass } }),
  ),
  ingresses(
    'ingress-class-by-name',
    BOOLEAN,
    false,
    'Serve the IngressClass named by --ingress-class whatever its controller.',
    (ingressClassByName) => ({ translate: { ingressClassByName } }),
  ),
  ingresses(
    'watch-ingress-without-class',
    BOOLEAN,
    false,
    'Serve Ingresses that name no class, by field or by annotation.',
    (watchIngressWithoutClass) => ({ translate: { watchIngressWithoutClass } }),
  ),
  ingresses(
    'annotations-prefix',
    DNS,
    'nginx.ingress.kubernetes.io',
    'The prefix of the annotations that are read.',
    (annotationsPrefix) => ({ translate: { annotationsPrefix } }),
  ),
  ingresses(
    'default-backend-service',
    NAMESPACED_NAME,
    null,
    'The Service, by its first port, for requests that no rule takes. Empty: a 404 of our own.',
    (defaultBackendService) => ({ translate: { defaultBackendService } }),
  ),
  ingresses(
    'default-ssl-certificate',
    NAMESPACED_NAME,
    null,
    'The Secret with the certificate for hosts that have none. Empty: a self-signed one.',
    (defaultSslCertificate) => ({ translate: { defaultSslCertificate } }),
  ),
  ingresses('disable-catch-all', BOOLEAN, false, 'Refuse Ingresses with a spec.defaultBackend.', (disableCatchAll) => ({
    translate: { disableCatchAll },
  })),
  ingresses(
    'disable-svc-external-name',
    BOOLEAN,
    false,
    'Refuse Services of type ExternalName.',
    (disableServiceExternalName) => ({ translate: { disableServiceExternalName } }),
  ),
  ingresses(
    'enable-topology-aware-routing',
    BOOLEAN,
    false,
    'Prefer endpoints of our own zone for Services that ask for it. POD_ZONE names the zone.',
    (topologyAwareRouting) => ({ translate: { topologyAwareRouting } }),
  ),

  cluster(
    'kubeconfig',
    FILE,
    null,
    'The kubeconfig file. Empty: the service account of the Pod, or the default kubeconfig where there is none.',
    (kubeconfig) => ({ controller: { kubeconfig } }),
  ),
  cluster(
    'apiserver-host',
    URL_TEXT,
    null,
    'The URL of the API server, in place of the one in the configuration.',
    (apiserverHost) => ({ controller: { apiserverHost } }),
  ),
  cluster(
    'certificate-authority',
    FILE,
    null,
    'The file with the CA certificates to check --apiserver-host by.',
    (certificateAuthority) => ({ controller: { certificateAuthority } }),
  ),
  cluster(
    'configmap',
    NAMESPACED_NAME,
    null,
    'The ConfigMap with the settings that may change while running. Empty: none.',
    (configMap) => ({ controller: { configMap } }),
  ),
  cluster('watch-namespace', NAMESPACE, '', 'Watch one namespace. Empty: all.', (watchNamespace) => ({
    controller: { watchNamespace },
  })),
  cluster(
    'watch-namespace-selector',
    SELECTOR,
    '',
    'Watch the namespaces with these labels. Empty: all.',
    (watchNamespaceSelector) => ({ controller: { watchNamespaceSelector } }),
  ),

  status(
    'publish-service',
    NAMESPACED_NAME,
    null,
    'Write the addresses of this Service into the status of the Ingresses.',
    (publishService) => ({ controller: { publishService } }),
  ),
  status(
    'publish-status-address',
    ADDRESSES,
    [],
    'Write these addresses into the status of the Ingresses.',
    (publishStatusAddress) => ({ controller: { publishStatusAddress } }),
  ),
  status(
    'report-node-internal-ip-address',
    BOOLEAN,
    false,
    'Where node addresses are the status: the internal ones.',
    (reportNodeInternalIpAddress) => ({ controller: { reportNodeInternalIpAddress } }),
  ),
  status('update-status', BOOLEAN, true, 'Write the status of Ingresses.', (updateStatus) => ({
    controller: { updateStatus },
  })),
  status(
    'update-status-on-shutdown',
    BOOLEAN,
    true,
    'Empty the status when the last replica shuts down.',
    (updateStatusOnShutdown) => ({ controller: { updateStatusOnShutdown } }),
  ),
  // ingress-nginx raises anything lower to 5 seconds too.
  status(
    'status-update-interval',
    SECONDS_OR_DURATION,
    60_000,
    'The time between two looks at the status, at least 5 s.',
    (interval) => ({ controller: { statusUpdateInterval: Math.max(5000, interval) } }),
  ),
  status(
    'disable-leader-election',
    BOOLEAN,
    false,
    'Every replica writes the status, without a Lease.',
    (disableLeaderElection) => ({ controller: { disableLeaderElection } }),
  ),
  status('election-id', DNS, 'ingress-controller-leader', 'The name of the Lease.', (electionId) => ({
    controller: { electionId },
  })),
  status(
    'election-ttl',
    ELECTION_TTL,
    30_000,
    'How long the Lease is valid without being renewed, at least 1 s.',
    (electionTtl) => ({ controller: { electionTtl } }),
  ),

  listening('http-port', PORT, 80, 'The port for HTTP.', (httpPort) => ({ proxy: { httpPort }, translate: { httpPort } })),
  listening('https-port', PORT, 443, 'The port for HTTPS.', (httpsPort) => ({
    proxy: { httpsPort },
    translate: { httpsPort },
  })),
  listening(
    'enable-ssl-passthrough',
    BOOLEAN,
    false,
    'Heed the annotation ssl-passthrough: TLS for these hosts passes through to their backends.',
    (sslPassthrough) => ({ translate: { sslPassthrough } }),
  ),
  listening(
    'tcp-services-configmap',
    NAMESPACED_NAME,
    null,
    'The ConfigMap with the TCP ports to listen on: "9000": "namespace/service:port[:PROXY][:PROXY]". Empty: none.',
    (tcpServicesConfigMap) => ({ translate: { tcpServicesConfigMap } }),
  ),
  listening(
    'udp-services-configmap',
    NAMESPACED_NAME,
    null,
    'The ConfigMap with the UDP ports to listen on: "53": "namespace/service:port". Empty: none.',
    (udpServicesConfigMap) => ({ translate: { udpServicesConfigMap } }),
  ),

  health('healthz-port', PORT, 10_254, 'The port for /healthz, /readyz, /metrics and /configuration.', (adminPort) => ({
    controller: { adminPort },
    translate: { adminPort },
  })),
  health('healthz-host', HOST, '', 'The address for --healthz-port. Empty: all.', (host) => ({
    controller: { adminAddress: host === '' ? '::' : host },
  })),
  health(
    'health-check-path',
    PATH,
    '/healthz',
    'The path of the liveness probe, also answered on the HTTP port for hosts without an Ingress.',
    (healthCheckPath) => ({ proxy: { healthCheckPath }, controller: { healthCheckPath } }),
  ),
  health('enable-metrics', BOOLEAN, true, 'Serve /metrics.', (enableMetrics) => ({ controller: { enableMetrics } })),
  ...METRIC_FLAGS,
  health('disable-sync-events', BOOLEAN, false, 'Create no Events of reason Sync.', (disableSyncEvents) => ({
    controller: { disableSyncEvents },
  })),
  health('v', VERBOSITY, 0, 'Verbosity, for those who know it: 3 and more is --log-level=debug.', (v) => ({
    controller: { logLevel: v >= 3 ? 'debug' : 'info' },
  })),

  shutdown(
    'shutdown-grace-period',
    SECONDS_OR_DURATION,
    0,
    'After SIGTERM, keep serving so long, not ready, so that load balancers look elsewhere first.',
    (shutdownGracePeriod) => ({ controller: { shutdownGracePeriod } }),
  ),

  own(
    'conformance',
    oneOf('nginx', 'kubernetes'),
    'nginx',
    'Where ingress-nginx and the Kubernetes documentation of Ingress differ, follow this one.',
    (conformance) => ({ translate: { conformance } }),
  ),
  own(
    'allow-unprotected',
    UNPROTECTED,
    [],
    'Serve Ingresses that ask for a protection that is not there, without it, instead of answering them with 503: modsecurity.',
    (allowUnprotected) => ({ translate: { allowUnprotected } }),
  ),
  own('workers', WORKERS, availableParallelism(), 'Worker threads that serve traffic. auto: one per CPU.', (workers) => ({
    controller: { workers },
  })),
  own(
    'memory-limit',
    NGINX_SIZE,
    0,
    "The memory this process is to live with, where that is less than the container's limit. 0: only the container's.",
    (memoryLimit) => ({ controller: { memoryLimit } }),
  ),
  own(
    'overload-memory',
    OVERLOAD_MEMORY,
    { closing: 0.92, refusing: 0.95 },
    'From which parts of the memory limit on connections are no longer kept alive, and requests are refused with 503. Without a limit: never.',
    (overloadMemory) => ({ proxy: { overloadMemory } }),
  ),
  own(
    'overload-delay',
    OVERLOAD_DELAY,
    { closing: 500, refusing: 1000 },
    'From which delays of its event loop on a worker no longer keeps connections alive, and refuses requests with 503.',
    (overloadDelay) => ({ proxy: { overloadDelay } }),
  ),
  own(
    'limit-memory',
    LIMIT_MEMORY,
    10 * 1024 ** 2,
    'Memory for the counts of limit-rps and its kin, at least 64k.',
    (limitMemory) => ({
      proxy: { limitMemory },
    }),
  ),
  own(
    'temp-dir',
    FOLDER,
    tmpdir(),
    'Where the files are that hold what of bodies is too large for memory. auto: where the system has such files.',
    (tempFolder) => ({
      proxy: { tempFolder },
    }),
  ),
  own('bind-address', IP_ADDRESS, '::', 'The address for HTTP and HTTPS. "::" takes IPv4 too.', (bindAddress) => ({
    proxy: { bindAddress },
  })),
  own(
    'public-http-port',
    PORT,
    0,
    'The port clients use for HTTP: in X-Forwarded-Port and, where it is not 80, in redirects. 0: X-Forwarded-Port says --http-port, redirects none.',
    (publicHttpPort) => ({ proxy: { publicHttpPort } }),
  ),
  own(
    'public-https-port',
    PORT,
    0,
    'The port clients use for HTTPS: in X-Forwarded-Port and, where it is not 443, in redirects. 0: X-Forwarded-Port says --https-port, redirects none.',
    (publicHttpsPort) => ({ proxy: { publicHttpsPort } }),
  ),
  own(
    'access-log',
    BOOLEAN,
    true,
    'Write a line per request, and per connection of TCP and UDP services, to stdout.',
    (accessLog) => ({ proxy: { accessLog, streamAccessLog: accessLog } }),
  ),
  own(
    'log-level',
    oneOf('error', 'warn', 'info', 'debug'),
    'info',
    'What the log on stderr says; wins over --v.',
    (logLevel) => ({ controller: { logLevel } }),
  ),
  ...IDLE_FLAGS,
];
