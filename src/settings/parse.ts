/** The command line and the environment become settings. */
import { hostname } from 'node:os';
import { DEFAULT_SETTINGS } from './defaults.ts';
import { FLAGS } from './flags/flags.ts';
import { nearest } from './nearest.ts';
import { withPatch } from './patch.ts';
import { type Argument, FlagError, scanArguments } from './scan.ts';
import type { Settings } from './settings.ts';

/** Flags of which only one may have a value. */
const EXCLUSIVE: readonly (readonly [string, string])[] = [
  ['watch-namespace', 'watch-namespace-selector'],
  ['publish-service', 'publish-status-address'],
];

const BY_NAME = new Map(FLAGS.map((flag) => [flag.name, flag]));

/** The flags that ask for a text instead of a running controller. */
const ASKING = ['help', 'version'] as const;

function takesValue(name: string): boolean {
  const flag = BY_NAME.get(name);
  if (flag !== undefined) return !flag.boolean;
  if (ASKING.some((asking) => asking === name)) return false;
  const meant = nearest(name, [...BY_NAME.keys(), ...ASKING]);
  throw new FlagError(`unknown flag --${name}; did you mean --${meant}? (--help lists them all)`);
}

/**
 * Whether the command line asks for the help or the version, which comes before everything else it says, mistakes included.
 */
export function asksFor(argv: readonly string[]): 'help' | 'version' | undefined {
  for (const argument of argv) {
    if (argument === '--') return undefined;
    if (/^--?(?:help|h)$/.test(argument)) return 'help';
    if (/^--?version$/.test(argument)) return 'version';
  }
  return undefined;
}

/** What there is to say of the flags in `argv` that are accepted and change nothing; `argv` is one that `parseFlags` takes. */
export function idleFlags(argv: readonly string[]): string[] {
  const { flags } = scanArguments(argv, takesValue);
  return FLAGS.filter(({ name, idle }) => idle !== null && flags.has(name)).map(
    ({ name, idle }) => `--${name} has no effect: ${idle}`,
  );
}

function given(argument: Argument): boolean {
  return argument.value !== '';
}

/**
 * Reads flags in Go's syntax (`--flag=value`, `--flag value`, one dash or two, a repeated flag's last value counts) and the
 * variables `POD_NAME`, `POD_NAMESPACE` and `POD_ZONE`. Throws FlagError, whose message names the flag and what is expected.
 */
export function parseFlags(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Settings {
  const { flags, rest } = scanArguments(argv, takesValue);
  if (rest[0] !== undefined) throw new FlagError(`unexpected argument "${rest[0]}"; flags begin with "--"`);

  let settings = DEFAULT_SETTINGS;
  // In the order of the table, where a flag that wins over another comes after it.
  for (const flag of FLAGS) {
    const argument = flags.get(flag.name);
    if (argument === undefined) continue;
    const patch = flag.read(argument.value);
    if (patch === undefined) throw new FlagError(`--${flag.name}: "${argument.value}" is not valid; expected ${flag.expected}`);
    settings = withPatch(settings, patch);
  }
  for (const pair of EXCLUSIVE) {
    const both = pair.map((name) => flags.get(name)).filter((argument) => argument !== undefined);
    if (both.length === 2 && both.every(given)) {
      throw new FlagError(`--${pair[0]} and --${pair[1]} exclude each other; give one of them`);
    }
  }
  refuseSharedPorts(settings);

  return withPatch(settings, {
    translate: { zone: env['POD_ZONE'] ?? '' },
    controller: {
      podName: env['POD_NAME'] || hostname(),
      podNamespace: env['POD_NAMESPACE'] || DEFAULT_SETTINGS.controller.podNamespace,
    },
  });
}

function refuseSharedPorts(settings: Settings): void {
  const ports = [
    ['http-port', settings.proxy.httpPort],
    ['https-port', settings.proxy.httpsPort],
    ['healthz-port', settings.controller.adminPort],
  ] as const;
  for (const [index, [name, port]] of ports.entries()) {
    const other = ports.slice(0, index).find(([, before]) => before === port && port !== 0);
    if (other !== undefined) throw new FlagError(`--${other[0]} and --${name} are both ${port}; each needs a port of its own`);
  }
}
