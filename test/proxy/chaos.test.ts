/**
 * Random clients and random backends with the data plane between them. A seed decides what they do; when their bytes meet, it
 * does not. `CHAOS_ROUNDS` and `CHAOS_SEED` make it longer, or other.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { chaosBackend, type Seen } from '../support/chaos/backend.ts';
import { chaosClient, chaosTunnel, type ClientResult } from '../support/chaos/client.ts';
import { ClientConnection } from '../../src/proxy/http1/connection.ts';
import { group, host, prefixRoute, startProxy, table } from '../support/proxy.ts';
import { eventually } from '../support/eventually.ts';

const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? '3');
const SEED = Number(process.env['CHAOS_SEED'] ?? '1');
const CLIENTS = 60;
/** Short, so that every one of them ends something. */
const SETTINGS = {
  upstreamReadTimeout: 200,
  clientBodyTimeout: 500,
  clientHeaderTimeout: 500,
  clientSendTimeout: 300,
  keepAliveTimeout: 500,
  maxRequestBodySize: 150_000,
};
/** Connections at a time. */
const CONCURRENT = 12;

describe('chaos', () => {
  it.each(Array.from({ length: ROUNDS }, (_, i) => SEED + i))(
    'mixes nothing up, sends nothing twice that must not be, and leaves nothing behind: seed %i',
    async (seed) => {
      const random = new Random(seed);
      const seen: Seen = { requests: new Map(), violations: [] };
      const backends = await Promise.all([1, 2, 3].map(() => chaosBackend(random, seen)));
      const ports = backends.map(({ port }) => port);
      // An endpoint that refuses connections is there half of the time.
      const refusing = await chaosBackend(random, seen);
      await refusing.close();
      const hosts = [host('app.example', [prefixRoute('/', 'app')])];
      const proxy = await startProxy(table(hosts, [group('app', [...ports, refusing.port])]), SETTINGS);
      let changes = 0;
      // At any time somebody's deadline covers a connection: its own, or its upstream's.
      const unwatched = new Set<string>();
      const watch = setInterval(() => {
        for (const { deadline, request } of [...proxy.runtime.connections].filter((one) => one instanceof ClientConnection))
          if (deadline === Infinity && (request?.exchange.upstreamDeadline ?? Infinity) === Infinity)
            unwatched.add(request?.exchange.requestId ?? 'none');
      }, 1);
      const results: ClientResult[] = [];
      const underway = new Set<string>();
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < CLIENTS) {
          const name = `s${seed}c${next++}`;
          underway.add(name);
          const own = new Random(seed * 1000 + next);
          results.push(await (own.oneIn(6) ? chaosTunnel(proxy, name, own) : chaosClient(proxy, name, own)));
          underway.delete(name);
          // The endpoints change all the time; one stays.
          const kept = ports.filter((_, index) => index === changes % 3 || !own.oneIn(3));
          if (own.oneIn(4))
            proxy.runtime.apply(table(hosts, [group('app', ++changes % 2 === 0 ? [...kept, refusing.port] : kept)]));
        }
      };
      const all = Promise.all(Array.from({ length: CONCURRENT }, worker));
      await eventually(() => {
        expect([...underway], 'clients that hang').toEqual([]);
        return results.length === CLIENTS;
      }, 60_000);
      await all;
      clearInterval(watch);
      expect([...unwatched], 'without a deadline').toEqual([]);

      expect(seen.violations).toEqual([]);
      expect(results.flatMap(({ violations }) => violations)).toEqual([]);
      const twice = results.flatMap((one) => one.once).filter((nonce) => (seen.requests.get(nonce) ?? 0) > 1);
      expect(twice, 'sent twice').toEqual([]);
      // The chaos is not so great that nothing works.
      expect(results.reduce((sum, { answered }) => sum + answered, 0)).toBeGreaterThan(CLIENTS / 2);
      for (const backend of backends) await backend.close();
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
      expect(proxy.bugs).toEqual([]);
      await proxy.close();
    },
    90_000,
  );
});
