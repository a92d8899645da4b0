/**
 * The keys of ingress-nginx's ConfigMap (v1.15.1, docs/user-guide/nginx-configuration/configmap.md) that are known and have nothing to
 * do here, each with its reason. They are reported once and change nothing.
 */
const NGINX_MEMORY = 'Tables here grow as they need to.';
const NO_GEOIP = 'Countries and networks of clients are not looked up.';
const NO_SOCKETS = 'Every worker accepts on a socket of its own (SO_REUSEPORT), and all that waits in it.';
const THREADS = 'The number of worker threads is a matter of the start: --workers.';
const STATUS = 'There is no status page of nginx; /metrics of the admin port says what it said.';
const OLD_TRACING =
  'ingress-nginx itself has dropped it (v1.10); traces go out by OpenTelemetry: enable-opentelemetry, otlp-collector-host.';
const OLD_LIMITS = 'ingress-nginx itself has dropped global rate limits (v1.12).';

function all(names: string, why: string): (readonly [string, string])[] {
  return names.split(/\s+/).map((name) => [name, why] as const);
}

/** Why a key changes nothing, by its name. */
export const IDLE_KEYS: ReadonlyMap<string, string> = new Map([
  ['access-log-params', 'Lines are gathered and written together in any case, at most 200 ms late.'],
  ['bind-address', 'Addresses are bound when the process starts: --bind-address says which.'],
  ['proxy-busy-buffers-size', 'What a client takes of a response it gets at once: nothing is held back that this could bound.'],
  ['client-header-buffer-size', 'A request head takes the memory it needs, up to large-client-header-buffers.'],
  ['debug-connections', 'There is no debugging log of single connections.'],
  ['default-type', 'Nothing is served from files, and an upstream without Content-Type is passed on as it is.'],
  ['disable-ipv6', 'Addresses are bound when the process starts: --bind-address=0.0.0.0 leaves IPv6 out.'],
  ['disable-ipv6-dns', "Names are looked up by the system's resolver, with what its configuration says of IPv6."],
  ['enable-aio-write', 'Files are never written by the thread that serves.'],
  ['enable-auth-access-log', 'Requests to authentication services have no line of their own in the access log.'],
  ['enable-multi-accept', NO_SOCKETS],
  ['reuse-port', NO_SOCKETS],
  ['error-log-level', 'The log says what --log-level says; what fails for one request is in the access log and the metrics.'],
  ['error-log-path', 'The log goes to stderr, as it does with the default of ingress-nginx.'],
  ['grpc-buffer-size-kb', 'gRPC is streamed with back-pressure, in buffers that need no size.'],
  ['http2-max-field-size', 'ingress-nginx itself ignores it; large-client-header-buffers holds for HTTP/2 too.'],
  ['http2-max-header-size', 'ingress-nginx itself ignores it; large-client-header-buffers holds for HTTP/2 too.'],
  ['http2-max-requests', 'ingress-nginx itself ignores it; keep-alive-requests holds for HTTP/2 too.'],
  [
    'ignore-invalid-headers',
    'Fields with names that nginx calls invalid are always dropped: two readers might take them differently.',
  ],
  ['lua-shared-dicts', 'There is no Lua.'],
  ['max-worker-open-files', 'As many files are opened as the system lets the process open.'],
  ...all(
    `map-hash-bucket-size proxy-headers-hash-bucket-size proxy-headers-hash-max-size server-name-hash-bucket-size
    server-name-hash-max-size variables-hash-bucket-size variables-hash-max-size`,
    NGINX_MEMORY,
  ),
  ...all('nginx-status-ipv4-whitelist nginx-status-ipv6-whitelist', STATUS),
  ['opentelemetry-config', 'It is the file of an nginx module; the keys of the ConfigMap say all there is to say.'],
  ['proxy-ssl-location-only', 'proxy-ssl-* holds for the paths of its Ingress in any case.'],
  ['server-tokens', 'No Server field and no version is ever sent.'],
  ['ssl-buffer-size', 'TLS records are as long as what there is to send.'],
  ['ssl-dh-param', 'Keys are exchanged over elliptic curves only; suites with finite fields (DHE) are not offered.'],
  ['ssl-early-data', 'Early data (0-RTT) is not taken: it can be replayed. Clients send it again after the handshake.'],
  ['ssl-session-ticket-key', 'The keys of session tickets are made at random, and replaced.'],
  ...all('use-geoip use-geoip2 geoip2-autoreload-in-minutes', NO_GEOIP),
  ...all('worker-processes worker-cpu-affinity', THREADS),
  ...all(
    `enable-opentracing opentracing-operation-name opentracing-location-operation-name opentracing-trust-incoming-span
    zipkin-collector-host zipkin-collector-port zipkin-service-name zipkin-sample-rate jaeger-collector-host
    jaeger-collector-port jaeger-endpoint jaeger-service-name jaeger-propagation-format jaeger-sampler-type
    jaeger-sampler-param jaeger-sampler-host jaeger-sampler-port jaeger-trace-context-header-name jaeger-debug-header
    jaeger-baggage-header jaeger-trace-baggage-header-prefix datadog-collector-host datadog-collector-port
    datadog-service-name datadog-environment datadog-operation-name-override datadog-priority-sampling datadog-sample-rate`,
    OLD_TRACING,
  ),
  ...all(
    `global-rate-limit-memcached-host global-rate-limit-memcached-port global-rate-limit-memcached-connect-timeout
    global-rate-limit-memcached-max-idle-timeout global-rate-limit-memcached-pool-size global-rate-limit-status-code`,
    OLD_LIMITS,
  ),
]);
