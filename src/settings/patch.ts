/** Settings in the making: what one flag or key contributes, and how contributions add up. */
import type { ControllerSettings, ProxySettings, Settings } from './settings.ts';
import type { TranslateSettings } from './translate-settings.ts';

/** Some fields of the settings. */
export interface SettingsPatch {
  readonly proxy?: Partial<ProxySettings>;
  readonly translate?: Partial<TranslateSettings>;
  readonly controller?: Partial<ControllerSettings>;
}

/** The settings with the fields of the patch in place of its own. */
export function withPatch(settings: Settings, patch: SettingsPatch): Settings {
  return {
    proxy: { ...settings.proxy, ...patch.proxy },
    translate: { ...settings.translate, ...patch.translate },
    controller: { ...settings.controller, ...patch.controller },
  };
}

/** The fields a patch fills, as `section.field`. */
export function filledFields(patch: SettingsPatch): string[] {
  return Object.entries(patch).flatMap(([section, fields]: [string, object]) =>
    Object.keys(fields).map((field) => `${section}.${field}`),
  );
}
