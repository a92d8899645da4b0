/** How many requests may be sent again. */
import { beforeEach, describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../src/proxy/upstream/retry-budget.ts';

let clock: { now: number };
let percent: number;
let denied: number;
let budget: RetryBudget;

beforeEach(() => {
  clock = { now: 1_000_000 };
  percent = 20;
  denied = 0;
  budget = new RetryBudget({ deadlines: clock, retryBudget: () => percent, onRetryDenied: () => denied++ });
});

function count(requests: number): void {
  for (let i = 0; i < requests; i++) budget.count();
}

/** How many of so many retries are allowed. */
function spend(wanted: number): number {
  return Array.from({ length: wanted }, () => budget.spend()).filter(Boolean).length;
}

describe('a budget', () => {
  it.each([
    [0, 3],
    [1, 3],
    [15, 3],
    [20, 4],
    [100, 20],
    [1000, 200],
  ])('of %i requests allows %i to be sent again, and counts the others', (requests, allowed) => {
    count(requests);
    expect([spend(allowed + 7), denied]).toEqual([allowed, 7]);
  });

  it('holds while every request fails and is sent again', () => {
    let sent = 0;
    for (let i = 1; i <= 1000; i++) {
      budget.count();
      sent += 1 + spend(2);
      expect(sent).toBeLessThanOrEqual(1.2 * i + 3);
    }
  });

  it('remembers the requests of five to ten seconds', () => {
    count(50);
    clock.now += 4999;
    count(50);
    clock.now += 1;
    expect(spend(15)).toBe(15);
    clock.now += 4999;
    expect(spend(10)).toBe(5);
    clock.now += 1;
    // The requests are forgotten, the retries are not.
    expect(spend(3)).toBe(0);
    clock.now += 5000;
    expect(spend(10)).toBe(3);
  });

  it('remembers nothing after a pause', () => {
    count(1000);
    clock.now += 10_000;
    expect(spend(10)).toBe(3);
  });

  it('of 0 percent has no limit; it may be changed while it runs', () => {
    percent = 0;
    expect([spend(100), denied]).toEqual([100, 0]);
    percent = 20;
    expect(spend(1)).toBe(0);
  });
});
