import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientCounts, countsAlone, countsMemory, heldCounts } from '../../../src/policies/limits/client-counts.ts';

const SMALL = 65_536;

/** ngx_http_limit_req_lookup for one client, in doubles. */
class Bucket {
  #excess: number | null = null;
  #last = 0;

  request(rate: number, burst: number, now: number): boolean {
    if (this.#excess === null) {
      this.#excess = 0;
      this.#last = now;
      return true;
    }
    const excess = Math.max(0, this.#excess - (rate * (now - this.#last)) / 1000 + 1000);
    if (excess > burst) return false;
    this.#excess = excess;
    this.#last = now;
    return true;
  }
}

describe('requests', () => {
  it('fill and drain as those of limit_req do, each client for itself', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1500 })), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 8 }), (taken, limit, burst) => {
        // Whole milliseconds on the clock of all threads, too.
        const counts = new ClientCounts(...alone(), () => process.hrtime()[0] * 1000 + process.hrtime()[1] / 1e6);
        const zone = counts.zone('default/web');
        const buckets = new Map<number, Bucket>();
        let now = 1_000_000_000;
        for (const [client, passed] of taken) {
          now += passed;
          const bucket = buckets.get(client) ?? new Bucket();
          buckets.set(client, bucket);
          const admitted = counts.request(zone, `10.0.0.${client}`, { rate: limit * 1000, burst: burst * 1000 }, now + 0.5);
          expect(admitted).toBe(bucket.request(limit * 1000, burst * 1000, now));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('of a limit of 1 a second with a burst of 5: six at once, then one a second', () => {
    const counts = countsAlone(SMALL);
    const zone = counts.zone('default/web');
    const at = (now: number): boolean => counts.request(zone, '192.0.2.1', { rate: 1000, burst: 5000 }, now);
    expect(Array.from({ length: 8 }, () => at(0))).toEqual([true, true, true, true, true, true, false, false]);
    expect([at(999), at(1000), at(1001), at(2000), at(2001)]).toEqual([false, true, false, true, false]);
  });

  it('of different zones are counted apart, and what is taken back was not counted', () => {
    const counts = countsAlone(SMALL);
    const [one, other] = [counts.zone('default/one'), counts.zone('default/other')];
    const rate = { rate: 1000, burst: 1000 };
    expect([1, 2, 3].map(() => counts.request(one, '::1', rate, 0))).toEqual([true, true, false]);
    expect(counts.request(other, '::1', rate, 0)).toBe(true);
    counts.unrequest(one, '::1');
    expect([1, 2].map(() => counts.request(one, '::1', rate, 0))).toEqual([true, false]);
    counts.unrequest(one, '203.0.113.1');
  });

  it('a thread whose clock is behind does not give anybody time', () => {
    const counts = countsAlone(SMALL);
    const zone = counts.zone('default/web');
    const rate = { rate: 1_000_000, burst: 1000 };
    expect([5, 5, 5, 3, 0].map((now) => counts.request(zone, '192.0.2.1', rate, now))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('the memory', () => {
  it('is bounded, and whoever is at his limit is not forgotten for the sake of many that come once', () => {
    const counts = countsAlone(SMALL);
    const zone = counts.zone('default/web');
    const rate = { rate: 1000, burst: 5000 };
    while (counts.request(zone, 'abuser', rate, 0));
    for (let i = 0; i < 20 * counts.places; i++)
      expect(counts.request(zone, `2001:db8::${i.toString(16)}`, rate, 10)).toBe(true);
    expect(counts.census().taken).toBe(counts.places);
    expect(counts.request(zone, 'abuser', rate, 10)).toBe(false);
  });

  it('nor for those that come twice under a limit that drains slowly', () => {
    const counts = countsAlone(SMALL);
    const [zone, slow] = [counts.zone('default/web'), counts.zone('default/slow')];
    while (counts.request(zone, 'abuser', { rate: 1000, burst: 5000 }, 0));
    for (let i = 0; i < 20 * counts.places; i++)
      for (const now of [5, 6]) counts.request(slow, `10.${i}`, { rate: 16, burst: 50_000 }, now);
    expect(counts.request(zone, 'abuser', { rate: 1000, burst: 5000 }, 10)).toBe(false);
  });

  it('whoever has long been below his limit makes room first', () => {
    const counts = countsAlone(400);
    expect(counts.places).toBe(8);
    const zone = counts.zone('default/web');
    const rate = { rate: 1000, burst: 3000 };
    // All eight have asked three times; the first some seconds before.
    for (let client = 0; client < 8; client++)
      for (let i = 0; i < 3; i++) counts.request(zone, `client ${client}`, rate, client === 0 ? 0 : 10_000);
    counts.request(zone, 'new', rate, 10_000);
    const admitted = (client: string): number => {
      let count = 0;
      while (counts.request(zone, client, rate, 10_000)) count++;
      return count;
    };
    expect(admitted('client 7')).toBe(1);
    expect(admitted('new')).toBe(3);
  });

  it('requests under way are never forgotten: one more is refused when there is no other place', () => {
    const counts = countsAlone(400);
    const [zone, requests] = [counts.zone('default/web'), counts.zone('default/requests')];
    const places = Array.from({ length: 8 }, (_, client) => counts.enter(zone, `client ${client}`, 2, 0));
    expect(new Set(places).size).toBe(8);
    expect(counts.enter(zone, 'another', 2, 0)).toBe(-1);
    expect(counts.request(requests, 'another', { rate: 1000, burst: 1000 }, 0)).toBe(false);
    expect([counts.enter(zone, 'client 3', 2, 0), counts.enter(zone, 'client 3', 2, 0)]).toEqual([places[3], -1]);
    for (const place of [...places, places[3]!]) counts.leave(place);
    expect(counts.census()).toEqual({ underWay: 0, taken: 0 });
  });
});

/** What three threads do at once with the same memory; what each of them says at the end. */
async function threads(memory: ReturnType<typeof countsMemory>, work: string): Promise<readonly number[]> {
  const file = new URL('../../../src/policies/limits/client-counts.ts', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(file)}).then(({ ClientCounts, heldCounts }) => {
      const counts = new ClientCounts(workerData.memory, heldCounts(workerData.memory), workerData.worker);
      const zone = counts.zone('default/web');
      // All begin together.
      const gate = new Int32Array(workerData.gate);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < 3);
      let result = 0;
      ${work}
      parentPort.postMessage(result);
    });`;
  const gate = new SharedArrayBuffer(4);
  return Promise.all(
    [0, 1, 2].map(
      (worker) =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(code, { eval: true, workerData: { memory, gate, worker } });
          thread.once('message', resolve).once('error', reject);
        }),
    ),
  );
}

describe('threads that count the same client at the same time', () => {
  it('let in exactly as many requests as there are to be', async () => {
    const memory = countsMemory(400);
    const rate = '{ rate: 1, burst: 50_000_000 }';
    const counted = await threads(
      memory,
      `for (let i = 0; i < 40_000; i++) if (counts.request(zone, 'c', ${rate}, 0)) result++;`,
    );
    expect(counted.reduce((sum, one) => sum + one, 0)).toBe(50_001);
  });

  it('have never more under way than there may be, and none in the end', async () => {
    const memory = countsMemory(400);
    const inside = `
      for (let i = 0; i < 30_000; i++) {
        const place = counts.enter(zone, i % 3 === 0 ? 'other' : 'c', 2, 0);
        if (place < 0) continue;
        if (counts.census().underWay > 4) result++;
        counts.leave(place);
      }`;
    expect(await threads(memory, inside)).toEqual([0, 0, 0]);
    expect(new ClientCounts(memory, heldCounts(memory), 0).census()).toEqual({ underWay: 0, taken: 0 });
  });
});

describe('workers', () => {
  it('share what they count, and give back what they held when they die', () => {
    const memory = countsMemory(SMALL);
    const held = [heldCounts(memory), heldCounts(memory), heldCounts(memory)];
    const [one, two, supervisor] = held.map((mine, worker) => new ClientCounts(memory, mine, worker));
    const zone = one!.zone('default/web');
    expect(two!.zone('default/web')).toEqual(zone);
    const places = [one!, two!, two!].map((worker) => worker.enter(zone, '192.0.2.1', 3, 0));
    expect(one!.enter(zone, '192.0.2.1', 3, 0)).toBe(-1);
    supervisor!.giveBack(held[1]!);
    expect(supervisor!.census().underWay).toBe(1);
    // Once: the thread that follows in its place begins with nothing.
    supervisor!.giveBack(held[1]!);
    expect(supervisor!.census().underWay).toBe(1);
    expect(two!.enter(zone, '192.0.2.1', 3, 0)).toBe(places[0]);
    one!.leave(places[0]!);
    two!.leave(places[1]!);
    expect(supervisor!.census()).toEqual({ underWay: 0, taken: 0 });
  });

  it('a lock of a thread that ended with it does not hold up the others for ever', () => {
    const memory = countsMemory(400);
    const counts = new ClientCounts(memory, heldCounts(memory), 0);
    const zone = counts.zone('default/web');
    const locks = new Int32Array(memory.buffer, 0, 1);
    locks[0] = 77;
    expect(counts.enter(zone, '192.0.2.1', 1, 0)).toBeGreaterThanOrEqual(0);
    expect(locks[0]).toBe(0);
    expect(counts.enter(zone, '192.0.2.1', 1, 0)).toBe(-1);
  });
});

function alone(): [ReturnType<typeof countsMemory>, ReturnType<typeof heldCounts>, number] {
  const memory = countsMemory(SMALL);
  return [memory, heldCounts(memory), 0];
}
