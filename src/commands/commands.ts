/** The list of commands. Each is loaded only when it runs. */
import { nearest } from '../settings/nearest.ts';
import type { RunCommand } from './run-command.ts';
import { UsageError } from './usage-error.ts';

interface Command {
  readonly synopsis: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly run: RunCommand }>;
}

/** Every command there is. */
export const COMMANDS = {
  controller: {
    synopsis: 'controller [flags]',
    summary: "Serves a cluster's Ingresses. Takes ingress-nginx's flags.",
    load: () => import('./controller.ts'),
  },
  dev: {
    synopsis: 'dev [DIR|FILE…] [flags]',
    summary: 'Runs a small cluster in this process, applies manifests to it and serves their Ingresses.',
    load: () => import('./dev.ts'),
  },
  check: {
    synopsis: 'check FILE|DIR|-… [flags]',
    summary: 'Says what becomes of Ingresses here, and where that differs from ingress-nginx. Reads manifests or a cluster.',
    load: () => import('./check.ts'),
  },
} as const satisfies Readonly<Record<string, Command>>;

type CommandName = keyof typeof COMMANDS;

/** What a command line asks for. */
type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'command'; readonly name: CommandName; readonly argv: readonly string[] };

/** Reads the command's name. Throws UsageError, which names the nearest command. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const [first, ...rest] = argv;
  if (first === undefined) throw new UsageError(`a command is missing\n\n${overview()}`.trimEnd());
  if (first === 'help' || /^--?(?:help|h)$/u.test(first)) return { kind: 'help' };
  if (first === 'version' || /^--?version$/u.test(first)) return { kind: 'version' };
  // What a Deployment of ingress-nginx has as its first argument, for that image has no other entry point.
  if (first === '/nginx-ingress-controller') return { kind: 'command', name: 'controller', argv: rest };
  if (isCommandName(first)) return { kind: 'command', name: first, argv: rest };
  if (first.startsWith('-')) {
    throw new UsageError(`flags follow a command: sluice controller ${first}\n\n${overview()}`.trimEnd());
  }
  const meant = nearest(first, Object.keys(COMMANDS));
  throw new UsageError(`unknown command "${first.slice(0, 100)}"; did you mean "${meant}"? (sluice --help lists them all)`);
}

function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

/** The text of `sluice --help`. */
export function overview(): string {
  const lines = Object.values(COMMANDS).map(({ synopsis, summary }) => `  ${synopsis}\n      ${summary}`);
  return [
    'Usage: sluice <command>',
    'A Layer 7 ingress controller for Kubernetes.',
    `Commands:\n${lines.join('\n')}`,
    "Others:\n  --help      Print this; after a command, the command's flags.\n  --version   Print the version.",
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/u, '\n');
}
