/** The list of limits in docs/limits.md is the list of the settings: names, keys and defaults. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS } from '../../../src/settings/config-keys.ts';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');

/** Rows of the tables whose second column is a setting. */
const rows = [...page.matchAll(/^\| [^|]+ \| `(\w+)` \| (?:`([\w-]+)`)? ?\| (\d+) \| [^|]+ \|$/gmu)].map(
  ([, setting = '', key = null, value = '']) => ({ setting, key, value: Number(value) }),
);

/** Numbers among the settings that limit nobody. */
const NO_LIMITS = new Set([
  'httpPort',
  'httpsPort',
  'publicHttpPort',
  'publicHttpsPort',
  'limitReqStatus',
  'limitConnStatus',
  'gzipLevel',
  'gzipMinLength',
  'brotliLevel',
  'brotliMinLength',
  'zstdLevel',
  'zstdMinLength',
  'otelSamplerRatio',
  'otlpCollectorPort',
]);

describe('docs/limits.md', () => {
  it('lists every limit of the data plane once, with its default', () => {
    const limits = Object.entries(DEFAULT_SETTINGS.proxy).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && !NO_LIMITS.has(entry[0]),
    );
    expect(limits.length).toBeGreaterThan(20);
    const byName = (a: readonly [string, number], b: readonly [string, number]): number => (a[0] < b[0] ? -1 : 1);
    expect(rows.map(({ setting, value }) => [setting, value] as const).toSorted(byName)).toEqual(limits.toSorted(byName));
  });

  it('names the key of every limit that has one', () => {
    const keys = rows.map(({ setting }) => CONFIG_KEYS.find(({ fills }) => fills.includes(`proxy.${setting}`))?.name ?? null);
    expect(rows.map(({ key }) => key)).toEqual(keys);
  });
});
