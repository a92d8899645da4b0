import { describe, expect, it } from 'vitest';
import { GATHER_LIMIT_MS, GATHER_MS, Loop, RETRY_MAX_MS, RETRY_MIN_MS } from '../../src/controller/loop.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const passes: { at: number; changes: readonly string[] | null }[] = [];
  const failures: { error: unknown; retryIn: number }[] = [];
  const behaviour = { throws: false };
  const loop = new Loop<string>({
    clock,
    pass: (changes) => {
      passes.push({ at: clock.now(), changes });
      if (behaviour.throws) throw new Error('a bug');
    },
    failed: (error, retryIn) => failures.push({ error, retryIn }),
  });
  return { clock, passes, failures, behaviour, loop };
}

describe('Loop', () => {
  it('runs the first pass over everything at start, and none before', () => {
    const { clock, loop, passes } = setUp();
    loop.add('early');
    clock.advance(1000);
    expect(passes).toEqual([]);
    loop.start();
    expect(passes.map((pass) => pass.changes)).toEqual([null]);
    clock.advance(1000);
    expect(passes).toHaveLength(1);
  });

  it('publishes the first change after a quiet moment without waiting', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    const at = clock.now();
    loop.add('a');
    clock.advance(0);
    expect(passes[1]).toEqual({ at, changes: ['a'] });
  });

  it('takes all changes of one turn of the event loop into one pass', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    loop.add('a');
    loop.add('b');
    clock.advance(0);
    expect(passes.slice(1).map((pass) => pass.changes)).toEqual([['a', 'b']]);
  });

  it('gathers what follows closely until it is quiet', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    loop.add('a');
    clock.advance(1);
    loop.add('b');
    clock.advance(GATHER_MS - 1);
    loop.add('c');
    clock.advance(GATHER_MS - 1);
    expect(passes).toHaveLength(2);
    clock.advance(1);
    expect(passes.slice(1).map((pass) => pass.changes)).toEqual([['a'], ['b', 'c']]);
  });

  it('gathers a storm for no longer than the limit', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    loop.add('first');
    clock.advance(1);
    const begin = clock.now();
    for (let i = 0; i < 100; i++) {
      loop.add(`change ${i}`);
      clock.advance(GATHER_MS - 2);
    }
    expect(passes[2]?.at).toBe(begin + GATHER_LIMIT_MS);
    const seen = passes.slice(1).flatMap((pass) => pass.changes ?? ['everything']);
    clock.advance(1000);
    const all = passes.slice(1).flatMap((pass) => pass.changes ?? ['everything']);
    expect(seen.length).toBeGreaterThan(80);
    expect(all).toEqual(['first', ...Array.from({ length: 100 }, (_, i) => `change ${i}`)]);
  });

  it('catches what a pass throws and tries again from nothing, ever more slowly', () => {
    const { clock, loop, passes, failures, behaviour } = setUp();
    loop.start();
    clock.advance(1000);
    behaviour.throws = true;
    loop.add('poison');
    clock.advance(0);
    expect(failures).toEqual([{ error: new Error('a bug'), retryIn: RETRY_MIN_MS }]);
    clock.advance(RETRY_MIN_MS);
    expect(passes.at(-1)?.changes).toBeNull();
    expect(failures.at(-1)?.retryIn).toBe(2 * RETRY_MIN_MS);
    clock.advance(10 * 60_000);
    expect(failures.at(-1)?.retryIn).toBe(RETRY_MAX_MS);
    behaviour.throws = false;
    clock.advance(RETRY_MAX_MS);
    const count = passes.length;
    clock.advance(10 * RETRY_MAX_MS);
    expect(passes).toHaveLength(count);
    behaviour.throws = true;
    loop.add('again');
    clock.advance(0);
    expect(failures.at(-1)?.retryIn).toBe(RETRY_MIN_MS);
  });

  it('brings a retry forward when something changes, and loses no change', () => {
    const { clock, loop, passes, behaviour } = setUp();
    loop.start();
    clock.advance(1000);
    behaviour.throws = true;
    loop.add('poison');
    clock.advance(0);
    behaviour.throws = false;
    clock.advance(GATHER_MS);
    loop.add('cure');
    clock.advance(0);
    expect(passes).toHaveLength(3);
    expect(passes[2]?.changes).toBeNull();
    clock.advance(60_000);
    expect(passes).toHaveLength(3);
  });

  it('looks at everything when there are too many changes to list', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    for (let i = 0; i < 10_001; i++) loop.add('x');
    loop.add('y');
    clock.advance(0);
    expect(passes[1]?.changes).toBeNull();
  });

  it('does nothing after stop', () => {
    const { clock, loop, passes } = setUp();
    loop.start();
    clock.advance(1000);
    loop.add('a');
    loop.stop();
    loop.add('b');
    clock.advance(1000);
    expect(passes).toHaveLength(1);
    expect(clock.armed).toBe(0);
  });
});
