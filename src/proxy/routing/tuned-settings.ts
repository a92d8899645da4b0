/** The settings as single routes have them: `ConfigMap` and flags, and what annotations change of them. */
import type { TrafficTuning } from '../../model/policies.ts';
import type { ProxySettings } from '../../settings/settings.ts';

/** What a route changes. */
export interface Tuning {
  /** Differs where the changes do. */
  readonly key: string;
  readonly changes: TrafficTuning;
}

/** More than there are kinds of routes; what is left of routes that are gone must not pile up. */
const MOST = 4096;

export class TunedSettings {
  #base: ProxySettings | null = null;
  readonly #byKey = new Map<string, ProxySettings>();

  /** These settings with those changes; the same object for the same changes, as long as the settings are the same. */
  of(base: ProxySettings, { key, changes }: Tuning): ProxySettings {
    if (base !== this.#base || this.#byKey.size > MOST) {
      this.#base = base;
      this.#byKey.clear();
    }
    let settings = this.#byKey.get(key);
    if (settings === undefined) this.#byKey.set(key, (settings = { ...base, ...changes }));
    return settings;
  }
}

/** What a route changes, made ready; null: nothing. */
export function tuning(changes: TrafficTuning | null): Tuning | null {
  return changes === null ? null : { key: JSON.stringify(changes), changes };
}
