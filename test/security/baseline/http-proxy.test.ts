/**
 * What the cases are worth: the same table, run against http-proxy on node:http, which a Node user would pick instead. The list
 * of what it fails is in README.md, and is measured here.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BASELINE_CASES } from '../cases/all.ts';
import { measure } from './measure.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The names in a list of the README. */
function listed(heading: string): string[] {
  const [, section = ''] = README.split(`## ${heading}\n`);
  return [...section.split('\n## ')[0]!.matchAll(/^- `(.+)`$/gm)].map(([, name]) => name!);
}

it('http-proxy fails exactly the cases that README.md lists', async () => {
  expect(new Set(BASELINE_CASES.map(({ name }) => name)).size).toBe(BASELINE_CASES.length);
  const { failed, died } = await measure(BASELINE_CASES);
  expect(failed).toEqual(listed('What http-proxy fails'));
  expect(died).toEqual(listed('What ends the process of http-proxy'));
  expect(died).not.toEqual([]);
}, 120_000);
