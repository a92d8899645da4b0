import { describe, expect, it } from 'vitest';
import {
  DURATION,
  formatDuration,
  integer,
  list,
  NAMESPACED_NAME,
  NGINX_SIZE,
  NGINX_TIME,
  parseGoBool,
  parseGoDuration,
  parseGoInt,
  parseNginxSize,
  parseNginxTime,
  PORT,
  SECONDS,
  SECONDS_OR_DURATION,
} from '../../src/settings/values/values.ts';

describe('Go values', () => {
  it('reads booleans as strconv.ParseBool does', () => {
    for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) expect(parseGoBool(text)).toBe(true);
    for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) expect(parseGoBool(text)).toBe(false);
    for (const text of ['', 'yes', 'on', 'tRue', ' true', '2']) expect(parseGoBool(text)).toBeUndefined();
  });

  it('reads integers as strconv.ParseInt with base 0 does', () => {
    expect(['0', '42', '+7', '-7', '0x1F', '0b101', '0o17', '017', '-0'].map(parseGoInt)).toEqual([
      0, 42, 7, -7, 31, 5, 15, 15, 0,
    ]);
    for (const text of ['', '1.5', '60s', '1e3', ' 1', '08', '0x', '9007199254740993', '--1']) {
      expect(parseGoInt(text)).toBeUndefined();
    }
  });

  it('reads durations as time.ParseDuration does, in milliseconds', () => {
    const cases = {
      '10s': 10_000,
      '1m30s': 90_000,
      '300ms': 300,
      '1.5h': 5_400_000,
      '0': 0,
      '.5s': 500,
      '2h45m': 9_900_000,
      '1us': 0.001,
    };
    for (const [text, expected] of Object.entries(cases)) expect(parseGoDuration(text), text).toBe(expected);
    for (const text of ['', '10', 's', '1d', '1 s', '-1s', '1s5', '..s', '.s'])
      expect(parseGoDuration(text), text).toBeUndefined();
  });
});

describe('nginx values', () => {
  it('reads sizes in bytes', () => {
    expect(['0', '8192', '8k', '8K', '1m', '2G'].map(parseNginxSize)).toEqual([0, 8192, 8192, 8192, 1_048_576, 2_147_483_648]);
    for (const text of ['', 'k', '1kb', '1.5m', '-1', '1 m', '99999999999g'])
      expect(parseNginxSize(text), text).toBeUndefined();
  });

  it('reads times in milliseconds', () => {
    expect(['240s', '1h', '1h30m', '1h 30m', '90', '1d', '5ms'].map(parseNginxTime)).toEqual([
      240_000, 3_600_000, 5_400_000, 5_400_000, 90_000, 86_400_000, 5,
    ]);
    for (const text of ['', 'h', '1x', '-1s', '1.5h']) expect(parseNginxTime(text), text).toBeUndefined();
  });
});

describe('value types', () => {
  it('keeps times within what a timer can hold', () => {
    expect(DURATION.parse('596h')).toBe(596 * 3_600_000);
    expect(DURATION.parse('597h')).toBeUndefined();
    expect(NGINX_TIME.parse('1y')).toBeUndefined();
    expect(SECONDS.parse('2147483')).toBe(2_147_483_000);
    expect(SECONDS.parse('2147484')).toBeUndefined();
    expect(SECONDS.parse('-1')).toBeUndefined();
    expect(SECONDS.parse('5s')).toBeUndefined();
    expect(SECONDS_OR_DURATION.parse('5')).toBe(5000);
    expect(SECONDS_OR_DURATION.parse('5s')).toBe(5000);
  });

  it('keeps numbers in their range', () => {
    expect([PORT.parse('0'), PORT.parse('65535'), PORT.parse('65536'), PORT.parse('-1')]).toEqual([
      0,
      65_535,
      undefined,
      undefined,
    ]);
    expect(integer(1, 3).parse('4')).toBeUndefined();
  });

  it('reads namespace/name and nothing else', () => {
    expect(NAMESPACED_NAME.parse('a/b')).toEqual({ namespace: 'a', name: 'b' });
    expect(NAMESPACED_NAME.parse('')).toBeNull();
    for (const text of ['a', 'a/', '/b', 'a/b/c', 'A/b', 'a/b c', '__proto__/x'])
      expect(NAMESPACED_NAME.parse(text)).toBeUndefined();
  });

  it('trims the items of a list', () => {
    const type = list('x', 'y', (item) => item !== 'bad');
    expect(type.parse(' a, b ,,')).toEqual(['a', 'b']);
    expect(type.parse('')).toEqual([]);
    expect(type.parse('a,bad')).toBeUndefined();
  });

  it('writes values so that they are read back', () => {
    for (const value of [0, 300, 10_000, 90_000, 3_600_000, 5_430_000])
      expect(parseGoDuration(formatDuration(value))).toBe(value);
    for (const value of [0, 1, 1024, 8192, 1024 ** 2, 1500]) expect(parseNginxSize(NGINX_SIZE.format(value))).toBe(value);
  });
});
