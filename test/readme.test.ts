/** The README says what is true. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFORMANCE_DIFFERENCES } from '../src/translate/conformance.ts';

const root = new URL('../', import.meta.url);
const text = readFileSync(new URL('README.md', root), 'utf8');
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> };

describe('the README', () => {
  it('lists every difference between the two conformances, and no other', () => {
    const rows = CONFORMANCE_DIFFERENCES.map(
      ({ situation, nginx, kubernetes }) => `| ${situation} | ${nginx} | ${kubernetes} |`,
    );
    const [, after = ''] = text.split('| case | nginx | kubernetes |\n| --- | --- | --- |\n');
    expect(after.split('\n\n', 1)[0]!.split('\n')).toEqual(rows);
  });

  it('names scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([a-z:]+)/gu)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/gu)].map(([, target]) => target!);
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((target) => !existsSync(new URL(target, root)))).toEqual([]);
  });
});
