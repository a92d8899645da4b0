/**
 * Threat: every change of the cluster costs somebody a request, a connection or a certificate, or everybody time, as a reload
 * does. Source: C1, A13; nginx's reload. The same as `churn.test.ts`, for minutes, and with the time that requests take.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Churn, type Where } from './churn.ts';

/** Times without and with changes in turn, short ones, so that what else the machine does meets both alike. */
const PAIRS = 24;
const SECONDS = 3;
/** Of the time of one request in a hundred, with changes to that without. */
const RATIO = 1.2;

function quantile(values: readonly number[], at: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * at)] ?? Number.NaN;
}

interface Phase {
  readonly p50: number;
  readonly p99: number;
}

it('churn: for a minute no request fails, no WebSocket drops, and 99 of 100 requests are as fast as without', async () => {
  const churn = await Churn.start();
  const failures: string[] = [];
  /** The cluster works as hard in both: in one of them for a namespace that Sluice does not serve. */
  const phase = async (where: Where): Promise<Phase> => {
    churn.change(where);
    await churn.report();
    await sleep(SECONDS * 1000);
    const { latencies, failures: failed } = await churn.report();
    failures.push(...failed);
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
  };
  const pairs: { readonly calm: Phase; readonly changing: Phase }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) pairs.push({ calm: await phase('elsewhere'), changing: await phase('default') });
  const { changes, restarts } = churn.done;
  failures.push(...(await churn.close()).failures);

  const ratio = quantile(
    pairs.map(({ calm, changing }) => changing.p99 / calm.p99),
    0.5,
  );
  console.log(`${changes} rounds of changes, ${restarts} rolling restarts; milliseconds without and with changes`);
  for (const { calm, changing } of pairs) {
    const columns = [calm.p50, changing.p50, calm.p99, changing.p99, changing.p99 / calm.p99];
    console.log(columns.map((value) => value.toFixed(2).padStart(8)).join(''));
  }
  console.log(`the median of the ratios of p99 is ${ratio.toFixed(2)}`);
  expect(failures.slice(0, 20)).toEqual([]);
  expect(changes).toBeGreaterThan(PAIRS * SECONDS * 40);
  expect(ratio).toBeLessThanOrEqual(RATIO);
});
