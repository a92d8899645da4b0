/** The settings in force: those of the flags, and over them the ConfigMap as it is now. */
import { isDeepStrictEqual } from 'node:util';
import type { ObjectCache } from '../cluster/cluster.ts';
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import { applyConfigMap } from '../settings/configmap.ts';
import type { Settings } from '../settings/settings.ts';

/** The settings with the ConfigMap as it is now, not in force yet. */
interface SettingsReading {
  readonly settings: Settings;
  /** What is wrong with the ConfigMap. */
  readonly diagnostics: readonly Diagnostic[];
  /** Which halves differ from those in force. */
  readonly changed: { readonly proxy: boolean; readonly translate: boolean };
}

/** Follows the ConfigMap. */
export class LiveSettings {
  readonly #flags: Settings;
  #current: Settings;
  #diagnostics: readonly Diagnostic[] = [];

  /** `flags`: the settings without the ConfigMap. */
  constructor(flags: Settings) {
    this.#flags = flags;
    this.#current = flags;
  }

  get current(): Settings {
    return this.#current;
  }

  /** What is wrong with the ConfigMap. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** Reads the ConfigMap again. A ConfigMap that is gone leaves the flags and defaults. */
  read(cache: ObjectCache): SettingsReading {
    const key = this.#flags.controller.configMap;
    if (key === null) return { settings: this.#flags, diagnostics: [], changed: { proxy: false, translate: false } };
    const configMap = cache.get('ConfigMap', key.namespace, key.name);
    const uid = configMap?.metadata.uid;
    const ref: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', ...key, ...(uid === undefined ? {} : { uid }) };
    const { settings, diagnostics } = applyConfigMap(this.#flags, configMap?.data, ref);
    const changed = {
      proxy: !isDeepStrictEqual(this.#current.proxy, settings.proxy),
      translate: !isDeepStrictEqual(this.#current.translate, settings.translate),
    };
    return { settings, diagnostics, changed };
  }

  /** Puts a reading in force: once whoever must be told of it was told, for after a failure it is to be a change again. */
  accept({ settings, diagnostics }: SettingsReading): void {
    this.#current = settings;
    this.#diagnostics = diagnostics;
  }
}
