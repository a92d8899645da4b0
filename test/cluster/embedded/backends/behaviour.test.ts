import { describe, expect, it } from 'vitest';
import {
  behaviourOfAnnotations,
  behaviourOfRequest,
  parseDuration,
} from '../../../../src/cluster/embedded/backends/behaviour.ts';

describe('behaviour', () => {
  it('is the Pod’s own when a request asks for nothing', () => {
    const base = { delayMs: 3 };
    const { behaviour } = behaviourOfRequest(base, '/path?other=1', ['X-Forwarded-For', '1.2.3.4']);
    expect(behaviour).toBe(base);
  });

  it('reads annotations with our prefix only, and names those it cannot read', () => {
    const annotations = {
      'backend.sluice.dev/delay': '1.5s',
      'backend.sluice.dev/stream': '3x10@2ms',
      'backend.sluice.dev/reset': 'sometimes',
      'backend.sluice.dev/ready': 'false',
      'example.com/status': '500',
    };
    expect(behaviourOfAnnotations(annotations)).toEqual({
      behaviour: { delayMs: 1500, stream: { count: 3, size: 10, intervalMs: 2 } },
      errors: ['reset=sometimes'],
    });
  });

  it('refuses header fields that would split the head', () => {
    expect(behaviourOfRequest({}, '/?header=A:b%0d%0aC:d', []).errors).toEqual(['header=A:b\r\nC:d']);
  });

  it.each([
    ['100ms', 100],
    ['2s', 2000],
    ['1m', 60_000],
    ['7', 7],
    ['', undefined],
    ['-1s', undefined],
    ['99999m', undefined],
  ])('reads the duration %j', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });
});
