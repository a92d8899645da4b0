import { describe, expect, it } from 'vitest';

import { parseInteger, parseText } from '../../src/policies/values.ts';
import { parseGoBool } from '../../src/settings/values/values.ts';

describe('parseGoBool', () => {
  it.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('of %j is true', (text) => {
    expect(parseGoBool(text)).toBe(true);
  });
  it.each(['0', 'f', 'F', 'FALSE', 'false', 'False'])('of %j is false', (text) => {
    expect(parseGoBool(text)).toBe(false);
  });
  it.each(['', ' true', 'yes', 'on', 'tRUE', '2'])('refuses %j', (text) => {
    expect(parseGoBool(text)).toBeUndefined();
  });
});

describe('parseInteger', () => {
  it.each([
    ['0', 0],
    ['-5', -5],
    ['+7', 7],
    ['007', 7],
    ['-0', 0],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('of %j is %d', (text, value) => {
    expect(parseInteger(text)).toBe(value);
  });
  it.each(['', ' 1', '60s', '0x1', '1_000', '1.0', '1e3', '--1', '9007199254740993', '٣'])('refuses %j', (text) => {
    expect(parseInteger(text)).toBeUndefined();
  });
});

describe('parseText', () => {
  it.each([
    [' a ', 'a'],
    [' a \n\t b', 'a\nb'],
    ['', undefined],
    [' \n ', undefined],
  ])('of %j is %j', (text, value) => {
    expect(parseText(text)).toBe(value);
  });
});
