/** What a flag is, and how one is made. */
import { filledFields, type SettingsPatch } from '../patch.ts';
import { BOOLEAN, type ValueType } from '../values/values.ts';

/** One flag. */
export interface Flag {
  readonly name: string;
  /** Groups the flags of `--help`. */
  readonly section: FlagSection;
  /** One word for its value. */
  readonly word: string;
  readonly expected: string;
  /** May stand without a value. */
  readonly boolean: boolean;
  /** The default as a user would write it. */
  readonly defaultText: string;
  readonly defaults: SettingsPatch;
  /** The fields it fills, as `section.field`. */
  readonly fills: readonly string[];
  readonly meaning: string;
  /** Why it is accepted and changes nothing; null for a flag that does something. */
  readonly idle: string | null;
  /** What the settings become by this value; undefined when it cannot be understood. */
  readonly read: (value: string) => SettingsPatch | undefined;
}

/** The headings of `--help`. */
export const FLAG_SECTIONS = [
  'Ingresses',
  'Cluster',
  'Status',
  'Listening',
  'Health, metrics and logs',
  'Shutdown',
  "Sluice's own",
  'Accepted without effect',
] as const;

export type FlagSection = (typeof FLAG_SECTIONS)[number];

/** Makes the flags of a section. */
export function section(name: FlagSection) {
  return function flag<T>(
    flagName: string,
    type: ValueType<T>,
    defaultValue: NoInfer<T>,
    meaning: string,
    fill: (value: T) => SettingsPatch,
  ): Flag {
    const defaults = fill(defaultValue);
    return {
      name: flagName,
      section: name,
      word: type.word,
      expected: type.expected,
      boolean: type.word === BOOLEAN.word,
      defaultText: type.format(defaultValue),
      defaults,
      fills: filledFields(defaults),
      meaning,
      idle: null,
      read: (value) => {
        const parsed = type.parse(value);
        return parsed === undefined ? undefined : fill(parsed);
      },
    };
  };
}
