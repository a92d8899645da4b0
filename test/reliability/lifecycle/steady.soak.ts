/**
 * Threat: a leak of a few hundred bytes or one descriptor for each fault, which no short test sees (reference E10). Clients and
 * backends that do whatever a seed says, for `SOAK_SECONDS` (300); memory, descriptors and the census must not grow.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../../src/proxy/workers/collect-garbage.ts';
import { Random } from '../../fuzz/random.ts';
import { chaosBackend, type Seen } from '../../support/chaos/backend.ts';
import { chaosClient, chaosTunnel } from '../../support/chaos/client.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, startProxy, table } from '../../support/proxy.ts';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? '300');
const CONCURRENT = 12;
const CLIENTS = 400;
const SETTINGS = {
  upstreamReadTimeout: 200,
  clientBodyTimeout: 500,
  clientHeaderTimeout: 500,
  clientSendTimeout: 300,
  keepAliveTimeout: 500,
};
/** Bytes of the heap, with what buffers hold outside of it, per hour of such faults: noise is some ten KiB in a minute. */
const MAX_SLOPE = 16 * 2 ** 20;

/** What is in use once everybody is gone. */
interface Rest {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly bytes: number;
  readonly descriptors: number;
}

function rest(start: number): Rest {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const descriptors = readdirSync('/proc/self/fd').length;
  return { at: performance.now() - start, bytes: heapUsed + external, descriptors };
}

/** Bytes an hour, by least squares. */
function slope(rests: readonly Rest[]): number {
  const mean = (of: (one: Rest) => number): number => rests.reduce((sum, one) => sum + of(one), 0) / rests.length;
  const [at, bytes] = [mean((one) => one.at), mean((one) => one.bytes)];
  const above = rests.reduce((sum, one) => sum + (one.at - at) * (one.bytes - bytes), 0);
  const below = rests.reduce((sum, one) => sum + (one.at - at) ** 2, 0);
  return (above / below) * 3_600_000;
}

describe('E10 faults without end', () => {
  it('E10: leave nothing behind', async () => {
    const start = performance.now();
    const hosts = [host('app.example', [prefixRoute('/', 'app')])];
    const proxy = await startProxy(table(hosts, []), SETTINGS);
    const rests: Rest[] = [];
    for (let round = 0; performance.now() - start < SECONDS * 1000; round++) {
      const random = new Random(round);
      const seen: Seen = { requests: new Map(), violations: [] };
      const backends = await Promise.all([1, 2, 3].map(() => chaosBackend(random, seen)));
      proxy.runtime.apply(
        table(hosts, [
          group(
            'app',
            backends.map(({ port }) => port),
          ),
        ]),
      );
      let next = 0;
      const violations: string[] = [];
      const client = async (): Promise<void> => {
        while (next < CLIENTS) {
          const name = `r${round}c${next++}`;
          const own = new Random(round * CLIENTS + next);
          const result = await (own.oneIn(6) ? chaosTunnel(proxy, name, own) : chaosClient(proxy, name, own));
          violations.push(...result.violations);
        }
      };
      await Promise.all(Array.from({ length: CONCURRENT }, client));
      expect([...seen.violations, ...violations]).toEqual([]);
      for (const backend of backends) await backend.close();
      proxy.runtime.apply(table(hosts, []));
      await eventually(() => {
        expect(proxy.runtime.census()).toEqual({
          connections: 0,
          streams: 0,
          deadlines: 0,
          upstreams: 0,
          idleUpstreams: 0,
          udpSessions: 0,
          compressions: 0,
          tempFiles: 0,
          tempBytes: 0,
        });
        return true;
      });
      rests.push(rest(start));
    }
    expect(proxy.bugs).toEqual([]);
    await proxy.close();
    // The first rounds warm up.
    const warm = rests.slice(Math.ceil(rests.length / 4));
    expect(warm.length).toBeGreaterThan(3);
    expect(slope(warm)).toBeLessThan(MAX_SLOPE);
    // A connection or two of the last clients may still be closing.
    expect(warm.at(-1)!.descriptors).toBeLessThan(warm[0]!.descriptors + CONCURRENT);
  });
});
