/** What a key of the ConfigMap is, and how one is made. */
import { filledFields, type SettingsPatch } from '../patch.ts';
import type { ValueType } from '../values/values.ts';

/** One key. */
export interface ConfigKey {
  readonly name: string;
  /** One word for its value. */
  readonly word: string;
  readonly expected: string;
  /** The default as a user would write it. */
  readonly defaultText: string;
  readonly defaults: SettingsPatch;
  /** The fields it fills, as `section.field`. */
  readonly fills: readonly string[];
  readonly meaning: string;
  /** What the settings become by this value; undefined when it cannot be understood. */
  readonly read: (value: string) => SettingsPatch | undefined;
  /** What is to be said of a value: why it cannot be understood, or what of it is not done; null: nothing. */
  readonly remark?: (value: string) => string | null;
  /** What is still to be had of a value that cannot be understood; absent: the default. */
  readonly salvage?: (value: string) => SettingsPatch;
}

/** A key with its type, default and meaning, what it fills, and what is to be had of a value that cannot be understood. */
export function key<T>(
  name: string,
  type: ValueType<T>,
  value: NoInfer<T>,
  meaning: string,
  fill: (value: T) => SettingsPatch,
  salvage?: (value: string) => SettingsPatch,
): ConfigKey {
  const defaults = fill(value);
  const read = (text: string): SettingsPatch | undefined => {
    const parsed = type.parse(text.trim());
    return parsed === undefined ? undefined : fill(parsed);
  };
  return {
    name,
    word: type.word,
    expected: type.expected,
    defaultText: type.format(value),
    defaults,
    // A key may fill something only when it is true.
    fills: [...new Set([...filledFields(defaults), ...filledFields(read('true') ?? {})])],
    meaning,
    read,
    ...(salvage !== undefined && { salvage }),
  };
}
