/** docs/snippets.md shows what is taken where. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAuthSnippet, parseLocationSnippet, parseServerSnippet } from '../../../src/policies/snippets/reading/parse.ts';

const PAGE = readFileSync(new URL('../../../docs/snippets.md', import.meta.url), 'utf8');
const ROWS = [...PAGE.matchAll(/^\| `(.+?)` \| (.+?) \|/gm)].map(
  ([, example, places]) => [example!.replaceAll('\\|', '|'), places!] as const,
);

const PLACES = {
  server: parseServerSnippet,
  location: parseLocationSnippet,
  auth: parseAuthSnippet,
  'if of a location': (text: string) => parseLocationSnippet(`if ($host) { ${text} }`),
  'if of a server': (text: string) => parseServerSnippet(`if ($host) { ${text} }`),
  'if of auth': (text: string) => parseAuthSnippet(`if ($host) { ${text} }`),
};

/** The places that the page names for an example. */
function named(text: string): readonly string[] {
  if (text === 'the same') return ['server', 'location', 'if of a location'];
  return text.split(', ').flatMap((place, _, all) => {
    if (place === 'all') return ['server', 'location', 'auth'];
    if (place === '`if` of a location') return ['if of a location'];
    if (place !== '`if`') return [place];
    return ['if of a location', 'if of a server', ...(all.includes('all') ? ['if of auth'] : [])];
  });
}

describe('docs/snippets.md', () => {
  it('shows every directive', () => {
    expect(ROWS.length).toBeGreaterThan(15);
  });

  it.each(ROWS)('%s: %s', (example, places) => {
    // Variables of its own, whose absence is looked at later.
    const taken = Object.entries(PLACES).filter(([, parse]) => 'program' in parse(example));
    expect(taken.map(([place]) => place).sort()).toEqual([...named(places)].sort());
  });
});
