import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FLAGS } from '../../src/settings/flags/flags.ts';
import { helpText, versionText } from '../../src/settings/help.ts';

it('lists every flag once, with its default', () => {
  const text = helpText();
  for (const flag of FLAGS) {
    const title = new RegExp(`^  --${flag.name}(?:=<.+>)?(?: \\(default (.*)\\))?$`, 'gm');
    const [found, ...more] = text.matchAll(title);
    expect(more, flag.name).toEqual([]);
    expect(found?.[1] ?? '', flag.name).toBe(flag.defaultText);
  }
  expect(text).toContain('--http-port=<port> (default 80)');
  expect(text).toContain('--election-ttl=<duration> (default 30s)');
});

it('fits the screen', () => {
  const lines = helpText().split('\n');
  const long = lines.filter((line) => line.length > 100 && !line.includes('POD_NAME'));
  expect(long).toEqual([]);
});

it('knows the version of package.json', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(manifest).toContain(`"version": "${versionText()}"`);
});
