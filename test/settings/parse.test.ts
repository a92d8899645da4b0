import { availableParallelism, hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FLAGS } from '../../src/settings/flags/flags.ts';
import { asksFor, parseFlags } from '../../src/settings/parse.ts';
import { FlagError } from '../../src/settings/scan.ts';

const parse = (...argv: string[]) => parseFlags(argv, {});

function refusal(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof FlagError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${argv.join(' ')}`);
}

describe('parseFlags', () => {
  it("has ingress-nginx's defaults", () => {
    const { proxy, translate, controller } = parse();
    expect(proxy).toMatchObject({ httpPort: 80, httpsPort: 443, healthCheckPath: '/healthz' });
    expect(translate).toMatchObject({
      controllerClass: 'k8s.io/ingress-nginx',
      ingressClass: 'nginx',
      ingressClassByName: false,
      watchIngressWithoutClass: false,
      annotationsPrefix: 'nginx.ingress.kubernetes.io',
      defaultBackendService: null,
      conformance: 'nginx',
    });
    expect(controller).toMatchObject({
      adminPort: 10_254,
      electionId: 'ingress-controller-leader',
      electionTtl: 30_000,
      statusUpdateInterval: 60_000,
      shutdownGracePeriod: 0,
      updateStatus: true,
      updateStatusOnShutdown: true,
      enableMetrics: true,
      metricsPerHost: true,
      workers: availableParallelism(),
    });
  });

  it('takes a value after "=", as the next argument, and after one dash', () => {
    for (const argv of [['--http-port=8080'], ['--http-port', '8080'], ['-http-port=8080'], ['-http-port', '8080']]) {
      expect(parse(...argv).proxy.httpPort).toBe(8080);
    }
  });

  it('takes a boolean alone or with "=", and leaves the next argument alone', () => {
    expect(parse('--ingress-class-by-name', '--http-port=1').translate.ingressClassByName).toBe(true);
    expect(parse('--update-status=F').controller.updateStatus).toBe(false);
    expect(refusal('--update-status', 'false')).toContain('unexpected argument "false"');
    expect(refusal('--update-status=no')).toContain('--update-status: "no" is not valid; expected true or false');
  });

  it('keeps "=" and leading dashes in values', () => {
    expect(parse('--watch-namespace-selector=team=web').controller.watchNamespaceSelector).toBe('team=web');
    expect(refusal('--http-port', '--https-port=1')).toContain('--http-port: "--https-port=1"');
  });

  it('lets the last of a repeated flag count', () => {
    expect(parse('--http-port=1', '--http-port=2').proxy.httpPort).toBe(2);
  });

  it('converts to milliseconds', () => {
    expect(parse('--election-ttl=1m30s').controller.electionTtl).toBe(90_000);
    expect(parse('--shutdown-grace-period=10').controller.shutdownGracePeriod).toBe(10_000);
    expect(parse('--shutdown-grace-period=300ms').controller.shutdownGracePeriod).toBe(300);
    expect(parse('--status-update-interval=1').controller.statusUpdateInterval).toBe(5000);
  });

  it('refuses a time to live of the Lease in which nobody could renew it', () => {
    for (const ttl of ['0', '0s', '999ms', '-1s', '1000h', 'NaN']) {
      expect(refusal(`--election-ttl=${ttl}`)).toBe(
        `--election-ttl: "${ttl}" is not valid; expected a duration from 1s to 24 days such as 30s or 1m30s`,
      );
    }
    expect(parse('--election-ttl=1s').controller.electionTtl).toBe(1000);
  });

  it('reads references and lists', () => {
    expect(parse('--publish-service=a/b').controller.publishService).toEqual({ namespace: 'a', name: 'b' });
    expect(parse('--publish-status-address=10.0.0.1, lb.example.com,').controller.publishStatusAddress).toEqual([
      '10.0.0.1',
      'lb.example.com',
    ]);
    expect(refusal('--publish-service=b')).toContain('expected "namespace/name"');
  });

  it('names the nearest known flag for an unknown one', () => {
    expect(refusal('--publish-servce=a/b')).toContain('unknown flag --publish-servce; did you mean --publish-service?');
    expect(refusal('--htpt-port=1')).toContain('did you mean --http-port?');
    expect(refusal('--__proto__=1')).toContain('unknown flag --__proto__');
  });

  it('refuses a missing value, an argument and what is no flag', () => {
    expect(refusal('--http-port')).toContain('--http-port needs a value');
    expect(refusal('hello')).toContain('unexpected argument "hello"');
    expect(refusal('--', '--http-port=1')).toContain('unexpected argument');
    expect(refusal('---http-port=1')).toContain('is not a flag');
    expect(refusal('--=1')).toContain('is not a flag');
  });

  it('refuses flags that exclude each other, but not when one is empty', () => {
    expect(refusal('--watch-namespace=a', '--watch-namespace-selector=b')).toContain('exclude each other');
    expect(refusal('--publish-service=a/b', '--publish-status-address=1.2.3.4')).toContain('exclude each other');
    expect(parse('--watch-namespace=', '--watch-namespace-selector=b').controller.watchNamespaceSelector).toBe('b');
  });

  it('refuses two listeners on one port, but not on any free port', () => {
    expect(refusal('--https-port=80')).toContain('--http-port and --https-port are both 80');
    expect(refusal('--healthz-port=443')).toContain('--https-port and --healthz-port are both 443');
    expect(parse('--http-port=0', '--https-port=0', '--healthz-port=0').proxy.httpsPort).toBe(0);
  });

  it('takes the name of the Pod from the environment', () => {
    expect(parseFlags([], { POD_ZONE: 'z' }).translate.zone).toBe('z');
    expect(parseFlags([], {}).translate.zone).toBe('');
    expect(parseFlags([], { POD_NAME: 'p', POD_NAMESPACE: 'n' }).controller).toMatchObject({ podName: 'p', podNamespace: 'n' });
    expect(parseFlags([], { POD_NAME: '' }).controller).toMatchObject({ podName: hostname(), podNamespace: 'default' });
  });

  it('derives the log level from klog verbosity unless it is given', () => {
    expect(parse('--v=2').controller.logLevel).toBe('info');
    expect(parse('--v=3').controller.logLevel).toBe('debug');
    expect(parse('--log-level=warn', '--v=5').controller.logLevel).toBe('warn');
  });

  it('reads back every default that is shown, and refuses a value of another kind', () => {
    for (const flag of FLAGS) {
      expect(flag.read(flag.defaultText), flag.name).toEqual(flag.defaults);
      if (flag.idle === null) expect(flag.fills.length, flag.name).toBeGreaterThan(0);
      else expect(flag.fills, flag.name).toEqual([]);
    }
    const free = new Set(['kubeconfig', 'certificate-authority']);
    for (const flag of FLAGS.filter(({ name, idle, boolean }) => !free.has(name) && (idle === null || boolean)))
      expect(flag.read('\u0000?'), flag.name).toBeUndefined();
  });
});

describe('asksFor', () => {
  it('sees --help and --version before mistakes, but not after "--"', () => {
    expect(asksFor(['--nonsense', '--help'])).toBe('help');
    expect(asksFor(['-h'])).toBe('help');
    expect(asksFor(['--version'])).toBe('version');
    expect(asksFor(['--', '--help'])).toBeUndefined();
    expect(asksFor(['--http-port=1'])).toBeUndefined();
  });
});
