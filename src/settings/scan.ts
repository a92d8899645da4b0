/** Splits a command line into flags and the rest, in the syntax of Go's pflag. */

/** A command line that cannot be understood. The message is for the user, and names the flag. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/** One flag as it was given. */
export interface Argument {
  readonly name: string;
  readonly value: string;
}

/** A command line in its parts. */
interface Arguments {
  /** By name; of a repeated flag the last. */
  readonly flags: ReadonlyMap<string, Argument>;
  /** What is not a flag, and all that follows `--`. */
  readonly rest: readonly string[];
}

/**
 * Splits `argv` (without the program). `takesValue` says whether the flag of a name wants a value; a flag that wants none is
 * a boolean and stands for `true` unless it is written `--flag=value`. It throws for a name it does not know.
 */
export function scanArguments(argv: readonly string[], takesValue: (name: string) => boolean): Arguments {
  const flags = new Map<string, Argument>();
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      rest.push(...argv.slice(index + 1));
      break;
    }
    const parts = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (parts === null) {
      if (argument.startsWith('-') && argument !== '-') throw new FlagError(`"${argument}" is not a flag; write --name=value`);
      rest.push(argument);
      continue;
    }
    const [, name = '', attached] = parts;
    const wantsValue = takesValue(name);
    const value = attached ?? (wantsValue ? argv[++index] : 'true');
    if (value === undefined) throw new FlagError(`--${name} needs a value: --${name}=value`);
    flags.set(name, { name, value });
  }
  return { flags, rest };
}
