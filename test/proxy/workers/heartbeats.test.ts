/** Which thread hangs, and which only gets no CPU. */
import { describe, expect, it } from 'vitest';
import { Heartbeat, threadCpuTime, threadName, type ThreadCpuTime } from '../../../src/proxy/workers/heartbeats.ts';

/** The number of looks at a heartbeat that stands still until it is taken for hung; each look burns `cpu` milliseconds. */
function looksUntilHung(cpu: number | undefined): number {
  let burnt = 0;
  const heartbeat = new Heartbeat(() => (cpu === undefined ? undefined : (burnt += cpu)));
  heartbeat.named('1/task/2');
  expect(heartbeat.hangs(7)).toBe(false);
  for (let looks = 1; ; looks++) if (heartbeat.hangs(7)) return looks;
}

describe('a thread that does not beat', () => {
  it('hangs when it burns CPU all the time: within two seconds, at four looks a second', () => {
    expect(looksUntilHung(250)).toBe(5);
  });

  it('hangs later when it gets only half of a CPU', () => {
    expect(looksUntilHung(125)).toBe(8);
  });

  it('is given five seconds when it burns none, or nobody knows', () => {
    expect(looksUntilHung(0)).toBe(20);
    expect(looksUntilHung(undefined)).toBe(20);
  });

  it('is left alone until its first beat: it loads', () => {
    const heartbeat = new Heartbeat(() => 1e9);
    for (let i = 0; i < 100; i++) expect(heartbeat.hangs(0)).toBe(false);
  });
});

describe('a thread that beats', () => {
  it('does not hang, whatever CPU it burns, and begins anew with each beat', () => {
    let burnt = 0;
    const heartbeat = new Heartbeat(() => (burnt += 10_000));
    heartbeat.named('1/task/2');
    for (let beats = 1; beats < 50; beats++) {
      expect(heartbeat.hangs(beats)).toBe(false);
      expect(heartbeat.hangs(beats)).toBe(false);
      expect(heartbeat.hangs(beats)).toBe(false);
    }
  });
});

describe('the CPU time of a thread', () => {
  it('is what the system says of it, and unknown for one that is gone', () => {
    const name = threadName();
    const before = threadCpuTime(name) ?? -1;
    expect(before).toBeGreaterThanOrEqual(0);
    const spin = (cpuTime: ThreadCpuTime): void => {
      while ((cpuTime(name) ?? Infinity) < before + 50);
    };
    spin(threadCpuTime);
    expect(threadCpuTime(name)).toBeGreaterThanOrEqual(before + 50);
    expect(threadCpuTime('1/task/0')).toBeUndefined();
    expect(threadCpuTime('')).toBeUndefined();
  });
});
