/** h2load with the full count. */
import { describe, expect, it } from 'vitest';
import { allSucceeded, h2load } from './h2load.ts';

describe('h2load', () => {
  it('makes 100,000 requests over 16 connections with 8 streams each, without a failure', async () => {
    expect(await h2load(100_000, '-c', '16', '-m', '8')).toBe(allSucceeded(100_000));
  });
});
