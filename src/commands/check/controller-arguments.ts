/** The arguments that ingress-nginx runs with: the settings they make here, and which of them are not understood. */
import type { ObjectRef } from '../../model/diagnostic.ts';
import { quote } from '../../model/report.ts';
import { FLAGS } from '../../settings/flags/flags.ts';
import { nearest } from '../../settings/nearest.ts';
import { parseFlags } from '../../settings/parse.ts';
import { FlagError, scanArguments } from '../../settings/scan.ts';
import type { Settings } from '../../settings/settings.ts';
import { type Finding, type FindingCode, reference } from './finding.ts';
import type { ControllerWorkload } from './input.ts';

const BY_NAME = new Map(FLAGS.map((flag) => [flag.name, flag]));

/** Where arguments come from. */
export interface ArgumentSource {
  readonly object: ObjectRef;
  readonly field: string;
  readonly args: readonly string[];
}

/** The arguments after "--" of the command line. */
export function commandLine(args: readonly string[]): ArgumentSource {
  return { object: reference('', 'CommandLine', '', 'sluice check'), field: '--', args };
}

/** The arguments of a Deployment or DaemonSet. */
export function ofWorkload({ kind, namespace, name, field, args }: ControllerWorkload): ArgumentSource {
  return { object: reference('apps/v1', kind, namespace, name), field, args };
}

/** Arguments as `sluice controller` takes them, and what is wrong with the others. */
export interface JudgedArguments {
  /** Each is understood by itself. */
  readonly passed: readonly string[];
  readonly findings: readonly Finding[];
}

/** Judges arguments one by one. Never throws. */
export function judgeArguments({ object, field, args }: ArgumentSource): JudgedArguments {
  const findings: Finding[] = [];
  const report = (code: FindingCode, message: string, advice: string): void => {
    const served = code === 'FlagUnsupported' ? 'As if it were not there.' : 'sluice controller does not start with it.';
    findings.push({ code, severity: 'warning', object, field, message, served, alike: false, advice });
  };
  const passed: string[] = [];
  for (const argument of splitArguments(args, report)) {
    const { name, value } = argument;
    const flag = BY_NAME.get(name);
    if (flag === undefined) {
      if (name !== 'help' && name !== 'version') {
        const meant = nearest(name, BY_NAME.keys());
        report(
          'FlagUnknown',
          `--${printable(name)} is not a known flag; did you mean --${meant}?`,
          'Leave it out, or mend it.',
        );
      }
    } else if (flag.read(value) === undefined) {
      report('FlagInvalid', `--${name}: ${quote(value)} is not valid; expected ${flag.expected}`, 'Mend the value.');
    } else {
      if (flag.idle !== null) report('FlagUnsupported', `--${name} has no effect: ${flag.idle}`, 'Leave it out.');
      passed.push(`--${name}=${value}`);
    }
  }
  return { passed, findings };
}

/** The settings of arguments that are understood one by one; together they may still exclude each other, which is a finding. */
export function settingsOf(
  passed: readonly string[],
  source: ArgumentSource,
): { readonly settings: Settings; readonly findings: readonly Finding[] } {
  try {
    return { settings: parseFlags(passed, {}), findings: [] };
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const finding: Finding = {
      code: 'FlagInvalid',
      severity: 'warning',
      object: source.object,
      field: source.field,
      message: error.message,
      served: 'sluice controller does not start with it.',
      alike: false,
      advice: 'Mend the arguments.',
    };
    return { settings: parseFlags([], {}), findings: [finding] };
  }
}

function splitArguments(
  args: readonly string[],
  report: (code: FindingCode, message: string, advice: string) => void,
): readonly { readonly name: string; readonly value: string }[] {
  const found: { name: string; value: string }[] = [];
  for (let index = 0; index < args.length;) {
    const argument = args[index] ?? '';
    const following = args[index + 1];
    // Of a flag nobody knows only its looks say whether the next argument is its value.
    const takesValue = (name: string): boolean => {
      const flag = BY_NAME.get(name);
      return flag === undefined ? following !== undefined && !following.startsWith('-') : !flag.boolean;
    };
    try {
      const alone = /^--?[^-=][^=]*$/u.test(argument) && takesValue(argument.replace(/^--?/u, ''));
      const { flags, rest } = scanArguments(args.slice(index, index + (alone ? 2 : 1)), takesValue);
      found.push(...flags.values());
      for (const word of rest) report('FlagUnknown', `${quote(word)} is not a flag`, 'Leave it out.');
      index += alone ? 2 : 1;
    } catch (error) {
      if (!(error instanceof FlagError)) throw error;
      report('FlagInvalid', printable(error.message), 'Mend the argument.');
      index += 1;
    }
  }
  return found;
}

function printable(text: string): string {
  return quote(text).slice(1, -1).replaceAll('\\"', '"');
}
