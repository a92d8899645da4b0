/** docs/configmap.md lists every key of the ConfigMap, once, with its default and its meaning. UPDATE_GOLDEN=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CONFIG_KEYS, HSTS_KEYS } from '../../src/settings/config-keys.ts';
import { IDLE_KEYS } from '../../src/settings/keys/idle-keys.ts';
import { UNSUPPORTED_KEYS } from '../../src/settings/unsupported-keys.ts';

const FILE = new URL('../../docs/configmap.md', import.meta.url);

const HEAD = `# Keys of the ConfigMap

\`--configmap\` names it; changes are served without a restart. Keys that only some versions of ingress-nginx have, or that mean nothing here,
are reported once and change nothing else.

| key | value | default | meaning |
| --- | --- | --- | --- |
`;

const IDLE = `
## Without effect

| key | why |
| --- | --- |
`;

const UNSUPPORTED = `
## Not supported

They mean something in ingress-nginx and nothing here, which is reported as an error: `;

it('docs/configmap.md says what the keys are', () => {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = [...CONFIG_KEYS, ...HSTS_KEYS]
    .map(
      ({ name, word, defaultText, meaning }) =>
        `| \`${name}\` | ${cell(word)} | ${defaultText === '' ? '' : `\`${cell(defaultText)}\``} | ${cell(meaning)} |\n`,
    )
    .toSorted();
  const idle = [...IDLE_KEYS].map(([name, why]) => `| \`${name}\` | ${cell(why)} |\n`).toSorted();
  const unsupported = [...UNSUPPORTED_KEYS].map((name) => `\`${name}\``).toSorted();
  const text = `${HEAD}${rows.join('')}${IDLE}${idle.join('')}${UNSUPPORTED}${unsupported.join(', ')}.\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(FILE, text);
  expect(readFileSync(FILE, 'utf8')).toBe(text);
});
