/** The command line of `sluice dev`: its own flags, what to apply, and any flag of the controller. */
import { asksFor, parseFlags } from '../settings/parse.ts';
import { FLAGS } from '../settings/flags/flags.ts';
import { nearest } from '../settings/nearest.ts';
import { FlagError, scanArguments } from '../settings/scan.ts';
import type { Settings } from '../settings/settings.ts';
import { UsageError } from './usage-error.ts';

export interface DevArguments {
  readonly kind: 'run';
  /** Files and directories with manifests. */
  readonly paths: readonly string[];
  /** Of the embedded API server; 0: any free port. */
  readonly apiPort: number;
  readonly settings: Settings;
  /** `--publish-service` or `--publish-status-address` was given. */
  readonly publishes: boolean;
}

interface DevFlag {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
  /** The controller's flag it stands for; null: dev's own. */
  readonly controllerFlag: string | null;
}

/** The flags of `sluice dev` beside the controller's, which all work too. */
const DEV_FLAGS: readonly DevFlag[] = [
  { name: 'http-port', fallback: '8080', meaning: 'The port for HTTP; 0: any free port.', controllerFlag: 'http-port' },
  { name: 'https-port', fallback: '8443', meaning: 'The port for HTTPS; 0: any free port.', controllerFlag: 'https-port' },
  {
    name: 'admin-port',
    fallback: '10254',
    meaning: 'The port for health, metrics and the configuration; 0: any free port.',
    controllerFlag: 'healthz-port',
  },
  { name: 'api-port', fallback: '8001', meaning: 'The port of the Kubernetes API; 0: any free port.', controllerFlag: null },
];
const BY_NAME = new Map(DEV_FLAGS.map((flag) => [flag.name, flag]));
const CONTROLLER_FLAGS = new Map(FLAGS.map((flag) => [flag.name, flag]));
/** They say where the cluster is, and here it is this process. */
const NOT_HERE = new Set(['kubeconfig', 'apiserver-host', 'certificate-authority']);

/** Reads `argv` (what follows `dev`). Throws UsageError or FlagError. */
export function readDevArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): DevArguments | { readonly kind: 'help' | 'version' } {
  const asked = asksFor(argv);
  if (asked !== undefined) return { kind: asked };
  const { flags, rest } = scanArguments(argv, takesValue);
  // What is printed on stdout is for people; the log beside it says only what is wrong, unless it is asked for more.
  const passed = new Map<string, string>();
  if (!flags.has('v')) passed.set('log-level', 'warn');
  for (const { name, fallback, controllerFlag } of DEV_FLAGS) {
    if (controllerFlag !== null) passed.set(controllerFlag, fallback);
    // The first of two spellings of one flag is dev's own.
    if (name !== controllerFlag && controllerFlag !== null && flags.has(name) && flags.has(controllerFlag)) {
      throw new UsageError(`--${name} and --${controllerFlag} are the same here; give one of them`);
    }
  }
  for (const { name, value } of flags.values()) {
    const own = BY_NAME.get(name);
    if (own === undefined) passed.set(name, value);
    else if (own.controllerFlag !== null) passed.set(own.controllerFlag, port(name, value));
  }
  const settings = parseFlags(
    [...passed].map(([name, value]) => `--${name}=${value}`),
    env,
  );
  const apiPort = Number(port('api-port', flags.get('api-port')?.value ?? BY_NAME.get('api-port')?.fallback ?? '0'));
  refuseTwice(apiPort, settings);
  return {
    kind: 'run',
    paths: rest,
    apiPort,
    settings: {
      ...settings,
      // A development tool is nobody else's business.
      proxy: { ...settings.proxy, bindAddress: '127.0.0.1' },
      // The cluster ends with this process: no status needs to be emptied in it.
      controller: { ...settings.controller, adminAddress: '127.0.0.1', updateStatusOnShutdown: false },
    },
    publishes: flags.has('publish-service') || flags.has('publish-status-address'),
  };
}

function takesValue(name: string): boolean {
  if (BY_NAME.has(name)) return true;
  if (NOT_HERE.has(name)) throw new FlagError(`--${name} has no meaning for sluice dev, which brings its own cluster`);
  const flag = CONTROLLER_FLAGS.get(name);
  if (flag !== undefined) return !flag.boolean;
  const meant = nearest(name, [...BY_NAME.keys(), ...CONTROLLER_FLAGS.keys()]);
  throw new FlagError(`unknown flag --${name}; did you mean --${meant}? (sluice dev --help lists them)`);
}

function port(name: string, value: string): string {
  if (!/^\d{1,5}$/u.test(value) || Number(value) > 65_535) {
    throw new FlagError(`--${name}: "${value.slice(0, 100)}" is not a port; expected 0 to 65535`);
  }
  return value;
}

function refuseTwice(apiPort: number, { proxy, controller }: Settings): void {
  const others = [
    ['http-port', proxy.httpPort],
    ['https-port', proxy.httpsPort],
    ['admin-port', controller.adminPort],
  ] as const;
  const same = others.find(([, other]) => apiPort !== 0 && other === apiPort);
  if (same !== undefined) throw new UsageError(`--${same[0]} and --api-port are both ${apiPort}; each needs a port of its own`);
}

/** The text of `sluice dev --help`. */
export function devHelp(): string {
  const flags = DEV_FLAGS.map(({ name, fallback, meaning }) => `  --${name}=<port> (default ${fallback})\n      ${meaning}`);
  return `${[
    'Usage: sluice dev [DIR|FILE…] [flags]',
    [
      'Starts a small Kubernetes cluster in this process, applies the manifests in the files and directories, and serves their',
      'Ingresses on 127.0.0.1. A file that changes is applied again. A Service of type LoadBalancer with the label',
      'app.kubernetes.io/name=sluice is taken for --publish-service.',
    ].join('\n'),
    `Flags:\n${flags.join('\n')}`,
    'Any flag of "sluice controller" works too, but for those that say where the cluster is.',
  ].join('\n\n')}\n`;
}
