import { expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/settings/nearest.ts';

it('counts inserts, deletes, replacements and swaps', () => {
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('abc', 'abc')).toBe(0);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('ab', 'ba')).toBe(1);
  expect(editDistance('http-port', 'htpt-port')).toBe(1);
});

it('picks the nearest, the first of equals, and nothing from nothing', () => {
  expect(nearest('prot', ['host', 'port', 'part'])).toBe('port');
  expect(nearest('x', ['a', 'b'])).toBe('a');
  expect(nearest('x', [])).toBeUndefined();
});
