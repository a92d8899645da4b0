/** The command line of `sluice check`: its own flags, what to read, and any flag of the controller. */
import { FLAGS } from '../../settings/flags/flags.ts';
import { nearest } from '../../settings/nearest.ts';
import { asksFor, parseFlags } from '../../settings/parse.ts';
import { FlagError, scanArguments } from '../../settings/scan.ts';
import type { Settings } from '../../settings/settings.ts';
import { UsageError } from '../usage-error.ts';

/** What to do. */
export interface CheckArguments {
  readonly kind: 'run';
  /** Files, directories and "-"; empty: the cluster. */
  readonly paths: readonly string[];
  readonly output: 'table' | 'json';
  /** Names of further classes to check. */
  readonly classes: readonly string[];
  /** Of objects that name none. */
  readonly namespace: string;
  /** List Ingresses without any finding too. */
  readonly all: boolean;
  /** Read the Secrets that Ingresses name from the cluster. */
  readonly secrets: boolean;
  /** How the flags before "--" set the controller. */
  readonly settings: Settings;
  /** The names of the controller's flags that were given before "--". */
  readonly flags: readonly string[];
  /** The same flags, as `--name=value`. */
  readonly flagTexts: readonly string[];
  /** What follows "--": the arguments that ingress-nginx runs with; null: there is no "--". */
  readonly controllerArguments: readonly string[] | null;
}

interface CheckFlag {
  readonly name: string;
  /** Undefined: a boolean. */
  readonly word?: string;
  readonly meaning: string;
}

const CHECK_FLAGS: readonly CheckFlag[] = [
  { name: 'output', word: 'table|json', meaning: 'Write a table for people (the default) or JSON (docs/check.md).' },
  {
    name: 'all',
    meaning: 'List every Ingress with what of it is honoured, not only those of which there is something to say.',
  },
  { name: 'class', word: 'names', meaning: 'Check the Ingresses of these classes too; separated by commas.' },
  { name: 'namespace', word: 'name', meaning: 'The namespace of manifests that name none (default "default").' },
  { name: 'cluster', meaning: 'Read the cluster of the default kubeconfig.' },
  { name: 'secrets', meaning: 'With a cluster: read the Secrets that Ingresses name. Otherwise none is read.' },
];
const OWN = new Map(CHECK_FLAGS.map((flag) => [flag.name, flag]));
const CONTROLLER_FLAGS = new Map(FLAGS.map((flag) => [flag.name, flag]));
/** Any of these means a cluster. */
const CLUSTER_FLAGS = ['cluster', 'kubeconfig', 'apiserver-host'];

/** Reads `argv` (what follows `check`). Throws UsageError or FlagError. */
export function readCheckArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CheckArguments | { readonly kind: 'help' | 'version' } {
  const asked = asksFor(argv);
  if (asked !== undefined) return { kind: asked };
  const end = argv.indexOf('--');
  const { flags, rest } = scanArguments(end < 0 ? argv : argv.slice(0, end), takesValue);
  const passed = [...flags.values()].filter(({ name }) => !OWN.has(name));
  const flagTexts = passed.map(({ name, value }) => `--${name}=${value}`);
  const settings = parseFlags(flagTexts, env);
  const text = (name: string, fallback: string): string => flags.get(name)?.value || fallback;
  const output = text('output', 'table');
  if (output !== 'table' && output !== 'json') throw new UsageError(`--output: "${output}" is neither table nor json`);
  const cluster = CLUSTER_FLAGS.find((name) => flags.has(name) && !isOff(flags.get(name)?.value));
  if (rest.length === 0 && cluster === undefined) {
    throw new UsageError(
      'nothing to check: name files or directories, "-" for stdin, or a cluster with --kubeconfig or --cluster',
    );
  }
  if (rest.length > 0 && cluster !== undefined) {
    throw new UsageError(`--${cluster} reads a cluster, and there are files as well; check one at a time`);
  }
  const bool = (name: string): boolean => flags.has(name) && !isOff(flags.get(name)?.value);
  return {
    kind: 'run',
    paths: rest,
    output,
    classes: text('class', '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    namespace: text('namespace', 'default'),
    all: bool('all'),
    secrets: bool('secrets'),
    settings,
    flags: passed.map(({ name }) => name),
    flagTexts,
    controllerArguments: end < 0 ? null : argv.slice(end + 1),
  };
}

/** A boolean flag is off by being absent or false. */
function isOff(value: string | undefined): boolean {
  return value === undefined || /^(?:false|0|f)$/iu.test(value);
}

function takesValue(name: string): boolean {
  const own = OWN.get(name);
  if (own !== undefined) return own.word !== undefined;
  const flag = CONTROLLER_FLAGS.get(name);
  if (flag !== undefined) return !flag.boolean;
  const meant = nearest(name, [...OWN.keys(), ...CONTROLLER_FLAGS.keys()]);
  throw new FlagError(`unknown flag --${name}; did you mean --${meant}? (sluice check --help lists them)`);
}

/** The text of `sluice check --help`. */
export function checkHelp(): string {
  const flags = CHECK_FLAGS.map(
    ({ name, word, meaning }) => `  --${name}${word === undefined ? '' : `=<${word}>`}\n      ${meaning}`,
  );
  return `${[
    'Usage: sluice check FILE|DIR|-… [flags] [-- ARGUMENTS OF INGRESS-NGINX]\n       sluice check --kubeconfig=FILE [flags]',
    [
      'Says for each Ingress what of it is honoured, what differs from ingress-nginx, what is refused and what to do. Changes',
      'nothing: of a cluster it only lists and gets. The ConfigMap of ingress-nginx and the arguments of its Deployment count',
      'where they are among the manifests or in the cluster; --configmap and arguments after "--" say which otherwise.',
    ].join('\n'),
    `Flags:\n${flags.join('\n')}`,
    'Any flag of "sluice controller" works too.',
    [
      'Exit code: 0 all identical, 1 something to note, 2 paths are answered with 503 because of a protection that cannot be',
      'given, 3 the command line is wrong or something could not be read.',
    ].join('\n'),
  ].join('\n\n')}\n`;
}
