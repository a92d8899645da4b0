import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Deadlines, RESOLUTION, type Timed } from '../../src/proxy/deadlines.ts';

let now: number;
let deadlines: Deadlines;

beforeEach(() => {
  now = 1000;
  deadlines = new Deadlines(() => now);
});

afterEach(() => deadlines.close());

interface Watched extends Timed {
  expired: number;
  readonly bugs: unknown[];
}

function watch(deadline: number, expire: (self: Watched) => void = (self) => void (self.deadline = Infinity)): Watched {
  const one: Watched = {
    deadline,
    expired: 0,
    bugs: [],
    expire: () => {
      one.expired++;
      expire(one);
    },
    onBug: (error) => void one.bugs.push(error),
  };
  deadlines.add(one);
  return one;
}

describe('deadlines', () => {
  it('expire when they have passed, never before, and once', () => {
    const one = watch(deadlines.after(500));
    now += 500 + RESOLUTION - 1;
    deadlines.check();
    expect(one.expired).toBe(0);
    now += 1;
    deadlines.check();
    expect(one.expired).toBe(1);
    now += 1e9;
    deadlines.check();
    expect(one.expired).toBe(1);
  });

  it('are never early, although the time is as of the last look', () => {
    // The look is as old as it can be: the timeout begins now all the same.
    now += RESOLUTION - 1;
    const one = watch(deadlines.after(500));
    now += 499;
    deadlines.check();
    expect(one.expired).toBe(0);
    expect(deadlines.now).toBe(now);
  });

  it('may be moved, to later and to never', () => {
    const later = watch(deadlines.after(100));
    const never = watch(deadlines.after(100));
    later.deadline = deadlines.after(1000);
    never.deadline = Infinity;
    now += 1000;
    deadlines.check();
    expect([later.expired, never.expired]).toEqual([0, 0]);
    now += RESOLUTION;
    deadlines.check();
    expect([later.expired, never.expired]).toEqual([1, 0]);
  });

  it('come again while what expired stays', () => {
    const one = watch(deadlines.after(100), (self) => void (self.deadline = deadlines.after(100)));
    for (let i = 0; i < 3; i++) {
      now += 100 + RESOLUTION;
      deadlines.check();
    }
    expect(one.expired).toBe(3);
  });

  it('of what has left are not looked at, even when it leaves during the look', () => {
    const gone = watch(deadlines.after(100));
    deadlines.delete(gone);
    const second = watch(deadlines.after(200));
    const first = watch(deadlines.after(100));
    deadlines.delete(second);
    deadlines.add(second);
    first.expire = () => {
      first.expired++;
      deadlines.delete(first);
      deadlines.delete(second);
    };
    now += 10_000;
    deadlines.check();
    expect([gone.expired, first.expired, second.expired]).toEqual([0, 1, 0]);
    expect(deadlines.size).toBe(0);
  });

  it('of others expire although one throws; it is told its own error', () => {
    const bug = new Error('bug');
    const bad = watch(deadlines.after(0), () => {
      throw bug;
    });
    const good = watch(deadlines.after(0));
    now += RESOLUTION;
    deadlines.check();
    expect(bad.bugs).toEqual([bug]);
    expect([good.expired, good.bugs]).toEqual([1, []]);
  });

  it('are forgotten when closed', () => {
    const one = watch(deadlines.after(0));
    deadlines.close();
    now += 1e9;
    deadlines.check();
    expect([one.expired, deadlines.size]).toEqual([0, 0]);
  });

  it('are looked at without being asked', async () => {
    await new Promise<void>((resolve) => {
      watch(-Infinity, (self) => {
        self.deadline = Infinity;
        resolve();
      });
    });
  });
});
