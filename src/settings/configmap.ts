/** The ConfigMap's data becomes settings. What cannot be understood is reported, and its default stays. */
import type { Diagnostic, DiagnosticCode, ObjectRef } from '../model/diagnostic.ts';
import { CONFIG_KEYS, DEFAULT_HSTS, HSTS_KEYS, strictTransportSecurity } from './config-keys.ts';
import { IDLE_KEYS } from './keys/idle-keys.ts';
import { nearest } from './nearest.ts';
import { withPatch } from './patch.ts';
import type { Settings } from './settings.ts';
import { UNSUPPORTED_KEYS } from './unsupported-keys.ts';

const BY_NAME = new Map(CONFIG_KEYS.map((key) => [key.name, key]));
const HSTS_BY_NAME = new Map(HSTS_KEYS.map((key) => [key.name, key]));

/** Settings and what is wrong with their source. */
interface AppliedConfig {
  readonly settings: Settings;
  /** In the order of the keys. */
  readonly diagnostics: readonly Diagnostic[];
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** A value or key as it may stand in a message. */
function shown(text: string): string {
  return JSON.stringify(shorten(text));
}

function byDefault(text: string): string {
  return `The default, ${text}.`;
}

/**
 * The settings with the keys of a ConfigMap in place. `settings` are those of the flags: a key that is gone again must find
 * its default, so never pass the result of an earlier call.
 */
export function applyConfigMap(
  settings: Settings,
  data: Readonly<Record<string, string>> | undefined,
  configMapRef: ObjectRef,
): AppliedConfig {
  const diagnostics: Diagnostic[] = [];
  let result = settings;
  let hsts = DEFAULT_HSTS;
  let hstsGiven = false;

  const report = (
    code: DiagnosticCode,
    severity: Diagnostic['severity'],
    key: string,
    message: string,
    served: string,
  ): void => {
    diagnostics.push({ code, severity, object: configMapRef, field: `data[${shown(key)}]`, message, served });
  };
  const reportInvalid = (name: string, value: string, expected: string, served: string): void => {
    report('ConfigKeyInvalid', 'error', name, `${name}: ${shown(value)} is not valid; expected ${expected}.`, served);
  };

  // In a fixed order, so that the same data gives the same reports.
  for (const [name, value] of Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const key = BY_NAME.get(name);
    const hstsKey = HSTS_BY_NAME.get(name);
    if (key !== undefined) {
      const patch = key.read(value);
      const remark = key.remark?.(value) ?? null;
      if (patch !== undefined) result = withPatch(result, patch);
      if (patch !== undefined && remark !== null)
        report('ConfigKeyIdle', 'warning', name, `${name}: ${remark}.`, 'The rest of it.');
      if (patch === undefined) {
        const served = key.salvage === undefined ? byDefault(shorten(key.defaultText)) : 'What of it can be understood.';
        reportInvalid(name, value, remark === null ? key.expected : `${key.expected} (${remark})`, served);
        if (key.salvage !== undefined) result = withPatch(result, key.salvage(value));
      }
    } else if (hstsKey !== undefined) {
      const part = hstsKey.read(value);
      if (part === undefined) reportInvalid(name, value, hstsKey.expected, byDefault(hstsKey.defaultText));
      else hsts = { ...hsts, ...part };
      hstsGiven = true;
    } else if (IDLE_KEYS.has(name)) {
      report(
        'ConfigKeyIdle',
        'warning',
        name,
        `${name} has no effect: ${IDLE_KEYS.get(name)}`,
        'As if the key were not there.',
      );
    } else if (UNSUPPORTED_KEYS.has(name)) {
      report(
        'ConfigKeyUnknown',
        'error',
        name,
        `${name} is a key of ingress-nginx that is not supported.`,
        'As if the key were not there.',
      );
    } else {
      const meant = nearest(name, [...BY_NAME.keys(), ...HSTS_BY_NAME.keys()]);
      report(
        'ConfigKeyUnknown',
        'warning',
        name,
        `${shown(name)} is not a known key; did you mean ${meant}?`,
        'As if the key were not there.',
      );
    }
  }
  if (hstsGiven) result = withPatch(result, { proxy: { strictTransportSecurity: strictTransportSecurity(hsts) } });
  return { settings: result, diagnostics };
}
