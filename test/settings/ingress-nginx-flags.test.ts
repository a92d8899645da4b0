/** The command line of an existing Deployment of ingress-nginx (v1.15.1, pkg/flags/flags.go) starts this controller too. */
import { describe, expect, it } from 'vitest';
import { FLAGS } from '../../src/settings/flags/flags.ts';
import { helpText } from '../../src/settings/help.ts';
import { idleFlags, parseFlags } from '../../src/settings/parse.ts';

/** All 72 but `version`, which `asksFor` answers; then the five of MaxMind. */
const INGRESS_NGINX =
  `annotations-prefix apiserver-host bucket-factor certificate-authority configmap controller-class deep-inspect
  default-backend-service default-server-port default-ssl-certificate disable-catch-all disable-full-test disable-leader-election
  disable-svc-external-name disable-sync-events dynamic-configuration-retries election-id election-ttl
  enable-annotation-validation enable-metrics enable-ssl-chain-completion enable-ssl-passthrough enable-topology-aware-routing
  exclude-socket-metrics health-check-path health-check-timeout healthz-host healthz-port http-port https-port ingress-class
  ingress-class-by-name internal-logger-address kubeconfig length-buckets max-buckets metrics-per-host
  metrics-per-undefined-host monitor-max-batch-size post-shutdown-grace-period profiler-address profiler-port profiling
  publish-service publish-status-address report-node-internal-ip-address report-status-classes shutdown-grace-period
  size-buckets ssl-passthrough-proxy-port status-port status-update-interval stream-port sync-period sync-rate-limit
  tcp-services-configmap time-buckets udp-services-configmap update-status update-status-on-shutdown validating-webhook
  validating-webhook-certificate validating-webhook-key watch-ingress-without-class watch-namespace watch-namespace-selector
  v vmodule logtostderr stderrthreshold
  maxmind-edition-ids maxmind-license-key maxmind-mirror maxmind-retries-count maxmind-retries-timeout`.split(/\s+/);

const known = new Map(FLAGS.map((flag) => [flag.name, flag]));

it.each(INGRESS_NGINX)('--%s is known, with its default', (name) => {
  const flag = known.get(name);
  expect(flag).toBeDefined();
  expect(() => parseFlags([`--${name}=${flag!.defaultText}`], {})).not.toThrow();
  expect(helpText()).toContain(`  --${name}`);
});

it('lists no flag twice', () => {
  expect(known.size).toBe(FLAGS.length);
});

// What the chart writes (charts/ingress-nginx/templates/_params.tpl), and the manifests under deploy/static/provider.
const CHART = [
  '--default-backend-service=ingress/ingress-nginx-defaultbackend',
  '--publish-service=ingress/ingress-nginx-controller',
  '--election-id=ingress-nginx-leader',
  '--controller-class=k8s.io/ingress-nginx',
  '--ingress-class=nginx',
  '--configmap=ingress/ingress-nginx-controller',
  '--tcp-services-configmap=ingress/ingress-nginx-tcp',
  '--udp-services-configmap=ingress/ingress-nginx-udp',
  '--watch-namespace=web',
  '--report-node-internal-ip-address=true',
  '--validating-webhook=:8443',
  '--validating-webhook-certificate=/usr/local/certificates/cert',
  '--validating-webhook-key=/usr/local/certificates/key',
  '--maxmind-license-key=abc',
  '--healthz-host=0.0.0.0',
  '--health-check-path=/health',
  '--ingress-class-by-name=true',
  '--watch-ingress-without-class=true',
  '--enable-topology-aware-routing=true',
  // extraArgs, with and without a value.
  '--enable-ssl-passthrough',
  '--default-ssl-certificate=ingress/wildcard',
  '--v=2',
  '--shutdown-grace-period=10',
  '--time-buckets=0.1,0.5,1',
];
const CLOUD = [
  '--publish-service=ingress-nginx/ingress-nginx-controller',
  '--election-id=ingress-nginx-leader',
  '--controller-class=k8s.io/ingress-nginx',
  '--ingress-class=nginx',
  '--configmap=ingress-nginx/ingress-nginx-controller',
  '--validating-webhook=:8443',
  '--validating-webhook-certificate=/usr/local/certificates/cert',
  '--validating-webhook-key=/usr/local/certificates/key',
];
const KIND = [...CLOUD.slice(1), '--watch-ingress-without-class=true', '--publish-status-address=localhost'];

describe('the arguments of', () => {
  it.each([
    ['the chart', CHART, 4],
    ['deploy/static/provider/cloud', CLOUD, 3],
    ['deploy/static/provider/kind', KIND, 3],
    ['deploy/static/provider/baremetal', CLOUD.slice(1), 3],
  ])('%s are accepted', (_, argv, without) => {
    const { translate, controller } = parseFlags(argv, { POD_NAME: 'p', POD_NAMESPACE: 'ingress' });
    expect(translate.controllerClass).toBe('k8s.io/ingress-nginx');
    expect(controller.configMap?.name).toBe('ingress-nginx-controller');
    const said = idleFlags(argv);
    expect(said.filter((line) => line.includes('ValidatingWebhookConfiguration'))).toHaveLength(3);
    expect(said).toHaveLength(without);
  });
});

it('a flag without effect says why, once however often it is given, and is silent where it is not given', () => {
  expect(idleFlags(['--sync-rate-limit=1', '--sync-rate-limit', '2', '--http-port=1'])).toEqual([
    '--sync-rate-limit has no effect: Every change is served within milliseconds, without a reload that would have to be limited.',
  ]);
  expect(idleFlags(['--http-port=1'])).toEqual([]);
  expect(() => parseFlags(['--profiling=perhaps'], {})).toThrow('--profiling: "perhaps" is not valid');
});

describe('buckets', () => {
  const { proxy, controller } = parseFlags([], {});

  it("are Prometheus's by default", () => {
    expect(proxy.timeBuckets).toEqual([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
    expect(proxy.lengthBuckets).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(proxy.sizeBuckets).toEqual([10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]);
    expect(controller.metricsExcluded).toEqual([]);
  });

  it('are what the flag says', () => {
    expect(parseFlags(['--time-buckets=0.1, .5,1e1'], {}).proxy.timeBuckets).toEqual([0.1, 0.5, 10]);
  });

  it.each(['', '1,1', '2,1', 'a', '1,,2', '-1', 'NaN', 'Infinity', '1,0x2', Array.from({ length: 65 }, (_, i) => i).join(',')])(
    'refuses %s',
    (value) => {
      expect(() => parseFlags([`--time-buckets=${value}`], {})).toThrow('--time-buckets');
    },
  );
});
