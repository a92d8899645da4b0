import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostAliases } from '../../../src/proxy/routing/host-aliases.ts';

const label = fc.constantFrom('a', 'b', 'www', 'x');
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const alias = fc.oneof(
  name,
  name.map((text) => `*.${text}`),
  name.map((text) => `.${text}`),
  name.map((text) => `${text}.*`),
  fc.constantFrom('~^a', '~b$', '~x.a', '~^www\\.(a|b)'),
);
const hosts = fc.dictionary(fc.constantFrom('h1', 'h2', 'h3'), fc.uniqueArray(alias, { maxLength: 4 }));

/** nginx's words: exact names, the longest wildcard at the beginning, the longest at the end, the first pattern. */
function naive(all: Readonly<Record<string, readonly string[]>>, asked: string): [string | null, string | null] {
  const pairs = Object.keys(all)
    .sort()
    .flatMap((host) => all[host]!.map((text) => ({ host, text })));
  const exact = pairs.find(({ text }) => text === asked || text === `.${asked}`);
  const longest = (test: (text: string) => boolean): { host: string } | undefined =>
    pairs.filter(({ text }) => test(text)).sort((a, b) => bare(b.text) - bare(a.text))[0];
  const bare = (text: string): number => text.replace('*', '').length;
  const head = longest((text) => /^\*?\./.test(text) && asked.endsWith(text.replace('*', '')) && asked.length > bare(text));
  const tail = longest((text) => text.endsWith('.*') && asked.startsWith(text.slice(0, -1)) && asked.length > bare(text));
  const pattern = pairs.find(({ text }) => text.startsWith('~') && new RegExp(text.slice(1), 'i').test(asked));
  return [(exact ?? head ?? tail)?.host ?? null, pattern?.host ?? null];
}

describe('the aliases of hosts', () => {
  it('are found as nginx finds the names of servers, whatever came and went before', () => {
    fc.assert(
      fc.property(hosts, hosts, fc.array(name, { minLength: 1, maxLength: 5 }), (before, after, names) => {
        const aliases = new HostAliases();
        for (const [host, list] of Object.entries(before)) aliases.set(host, list);
        for (const one of names) aliases.matched(one);
        for (const host of Object.keys(before)) if (!(host in after)) aliases.delete(host);
        for (const [host, list] of Object.entries(after)) aliases.set(host, list);
        for (const one of names) expect([one, aliases.named(one), aliases.matched(one)]).toEqual([one, ...naive(after, one)]);
        aliases.clear();
        for (const one of names) expect([aliases.named(one), aliases.matched(one)]).toEqual([null, null]);
      }),
      { numRuns: 2000 },
    );
  });
});
