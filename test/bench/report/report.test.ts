import { describe, expect, it } from 'vitest';
import type { LatencySample } from '../measure/latency.ts';
import type { MemorySample } from '../measure/memory.ts';
import type { Sample } from '../measure/throughput.ts';
import { SCENARIOS } from '../scenarios.ts';
import { median } from './median.ts';
import { others } from './others.ts';
import { costTable, loadTable, othersTable } from './report.ts';
import { summaries, verdict, verdicts } from './summary.ts';

const MIB = 1_048_576;

function sample(target: string, round: number, cpuSeconds: number, more: Partial<Sample> = {}): Sample {
  const times = { seconds: 2, otherSeconds: 0, p50: 1000, p90: 2000, p99: 3000 };
  return { scenario: 'get', target, log: false, round, cpuSeconds, requests: 1000, errors: 0, ...times, ...more };
}

/** Two proxies in three rounds, in the second of which everything took twice as long. */
const ROUNDS = [1, 2, 1].flatMap((slow, index) => [
  sample('nginx', index + 1, 0.02 * slow),
  sample('sluice', index + 1, 0.03 * slow),
]);

describe('summaries', () => {
  it('take medians, and ratios round by round', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
    const [nginx, sluice] = summaries(ROUNDS);
    expect(nginx).toMatchObject({ target: 'nginx', rounds: 3, cpuPerRequest: 20, ratioToNginx: 1, requestsPerSecond: 500 });
    expect(sluice).toMatchObject({ target: 'sluice', coreUse: 0.015, p99: 3000, ratioToCaddy: null, resumed: null });
    expect(sluice?.ratioToNginx).toBeCloseTo(1.5);
  });

  it('keep runs with access log apart', () => {
    const logged = ROUNDS.map((each) => ({ ...each, log: true, cpuSeconds: each.cpuSeconds * 3 }));
    const all = summaries([...ROUNDS, ...logged]);
    expect(all.map(({ log, target }) => [log, target])).toEqual([
      [false, 'nginx'],
      [false, 'sluice'],
      [true, 'nginx'],
      [true, 'sluice'],
    ]);
    expect(all[2]?.cpuPerRequest).toBeCloseTo(60);
    expect(all[3]?.ratioToNginx).toBeCloseTo(1.5);
  });

  it('do with rounds in which another took no part', () => {
    const [, , caddy, sluice] = summaries([
      ...ROUNDS.slice(0, 1),
      sample('http-proxy', 1, 1),
      sample('caddy', 1, 0.1),
      ...ROUNDS.slice(1),
    ]);
    expect(caddy?.target).toBe('caddy');
    expect(sluice).toMatchObject({ rounds: 3 });
    expect(sluice?.ratioToCaddy).toBeCloseTo(0.3);
    expect(summaries([sample('sluice', 1, 0.03)])[0]?.ratioToNginx).toBeNull();
  });
});

describe('goals', () => {
  const [get] = SCENARIOS;
  const [summary] = summaries([sample('sluice', 1, 0.03)]);

  it('are compared as printed', () => {
    expect([verdict('', 1.004, 1).met, verdict('', 1.006, 1).met]).toEqual([true, false]);
  });

  it('are a ratio to nginx, and a third of Caddy on connections kept alive', () => {
    const row = { ...summary!, ratioToNginx: 1.2, ratioToCaddy: 0.3 };
    expect(verdicts(get!, row)).toEqual([
      { what: 'to nginx', value: 1.2, goal: 1, met: false },
      { what: 'to caddy', value: 0.3, goal: 0.33, met: true },
    ]);
    expect(verdicts({ ...get!, goal: null, keepAlive: false }, row)).toEqual([]);
    expect(verdicts(get!, summary!)).toEqual([]);
  });
});

describe('the tables', () => {
  it('have a line for each scenario, with what must be known about it', () => {
    const resumption = { scenario: 'rsa-resumed', cpuSeconds: 1.9 };
    const all = summaries([
      ...ROUNDS,
      sample('sluice', 1, 2, { ...resumption, resumed: 0, errors: 2, otherSeconds: 0.4 }),
      sample('nginx', 1, 1, { ...resumption, resumed: 990 }),
    ]);
    const table = costTable(all, SCENARIOS, ['sluice', 'nginx', 'caddy']);
    expect(table).toMatch(
      /^get +GET, five headers +off +30\.0 +20\.0 +– +1\.50 +1\.0 +NO +– +core used: nginx 1 %, sluice 2 %$/m,
    );
    expect(table).toMatch(
      /^rsa-resumed .* 1\.00 +1\.2 +yes +– +sluice: 2 ERRORS; sluice RESUMED 0 %; OTHERS ON THE CORE: sluice 20 %$/m,
    );
    expect(table.split('\n')).toHaveLength(3);
    expect(loadTable(all)).toMatch(/^get +off +sluice +500 +2 % +1\.00 +2\.00 +3\.00$/m);
  });

  it('say when a handshake that should be full was resumed', () => {
    const all = summaries([sample('caddy', 1, 2, { scenario: 'rsa-full', resumed: 30 })]);
    expect(costTable(all, SCENARIOS, ['caddy'])).toContain('caddy RESUMED 3 %');
  });

  it('judge routes, latency and memory', () => {
    const routes = [sample('sluice', 1, 0.033, { scenario: 'routes' }), sample('nginx', 1, 0.025, { scenario: 'routes' })];
    const latency = (target: string, round: number, p99: number): LatencySample => ({
      target,
      round,
      p99,
      rate: 20_000,
      requests: 1000,
      seconds: 1,
      p50: 100,
      p90: 200,
      errors: 0,
      disturbed: 10,
      queued: 0,
      cpuSeconds: 1,
      otherSeconds: 0.1,
    });
    const memory = (target: string, before: number, after: number): MemorySample => ({
      target,
      round: 1,
      before: { rss: before * MIB, pss: 0 },
      after: { rss: after * MIB, pss: 0 },
    });
    const all = others(
      summaries([...ROUNDS, ...routes]),
      [latency('sluice', 1, 900), latency('nginx', 1, 500), latency('sluice', 2, 600), latency('nginx', 2, 500)],
      [memory('sluice', 60, 110), memory('nginx', 10, 20)],
      [memory('sluice', 60, 125)],
    );
    expect(all.map(({ name, verdict: judged }) => [name, judged?.value.toFixed(2), judged?.met])).toEqual([
      ['routes, log off', '1.10', false],
      ['latency', '1.50', true],
      ['idle', '110.00', true],
      ['worker', '65.00', false],
    ]);
    const text = othersTable(all);
    expect(text).toMatch(/^idle +MiB with 10,000 idle connections +sluice 60 → 110, nginx 10 → 20 +110\.00 +120\.00 +yes$/m);
    expect(text).toContain('sluice p50 0.10 p99 0.75 ms (1 % left out, others on the core 10 %, 0 errors)');
  });
});
