/** The tables that are printed. */
import type { Scenario } from '../scenarios.ts';
import type { Other } from './others.ts';
import { type Summary, type Verdict, verdicts } from './summary.ts';
import { textTable } from './table.ts';

/** A core that is less busy than this was not the limit. */
const BUSY = 0.9;
/** When something else used more than this of the core, the row is not worth much. */
const DISTURBED = 0.05;
/** A proxy that resumes fewer of the sessions than this is said not to resume them. */
const RESUMES = 0.9;

const number = (value: number | undefined | null, digits: number): string =>
  value === undefined || value === null ? '–' : value.toFixed(digits);
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const answer = (met: boolean | undefined): string => (met === undefined ? '' : met ? 'yes' : 'NO');

/** What must be known to read a row: what a proxy did not do, and what the load did not allow. */
function notes(scenario: Scenario, row: readonly Summary[]): string {
  const idle = row.filter(({ coreUse }) => coreUse < BUSY).map(({ target, coreUse }) => `${target} ${percent(coreUse)}`);
  const disturbed = row
    .filter(({ otherUse }) => otherUse > DISTURBED)
    .map(({ target, otherUse }) => `${target} ${percent(otherUse)}`);
  return [
    ...row.filter(({ errors }) => errors > 0).map(({ target, errors }) => `${target}: ${errors} ERRORS`),
    ...row
      .filter(({ resumed }) => resumed !== null && (scenario.resumed ? resumed < RESUMES : resumed > 0))
      .map(({ target, resumed }) => `${target} RESUMED ${percent(resumed ?? 0)}`),
    ...(disturbed.length > 0 ? [`OTHERS ON THE CORE: ${disturbed.join(', ')}`] : []),
    ...(idle.length > 0 ? [`core used: ${idle.join(', ')}`] : []),
  ].join('; ');
}

/** One line for each scenario without and with access log: CPU time of each proxy in microseconds, ratios, goals. */
export function costTable(all: readonly Summary[], scenarios: readonly Scenario[], targets: readonly string[]): string {
  const lines = scenarios.flatMap((scenario) =>
    [false, true].flatMap((log) => {
      const row = all.filter((each) => each.scenario === scenario.name && each.log === log);
      if (row.length === 0) return [];
      const of = (name: string): Summary | undefined => row.find(({ target }) => target === name);
      const sluice = of('sluice');
      const judged: readonly Verdict[] = sluice === undefined ? [] : verdicts(scenario, sluice);
      const met = (what: string): string => answer(judged.find((each) => each.what === what)?.met);
      return [
        [
          scenario.name,
          `${scenario.title}${scenario.unit === 'request' ? '' : `, per ${scenario.unit}`}`,
          log ? 'on' : 'off',
          ...targets.map((name) => number(of(name)?.cpuPerRequest, 1)),
          number(sluice?.ratioToNginx, 2),
          scenario.goal === null ? '' : scenario.goal.toFixed(1),
          met('to nginx'),
          number(sluice?.ratioToCaddy, 2),
          met('to caddy'),
          notes(scenario, row),
        ],
      ];
    }),
  );
  const heading = ['<scenario', '<CPU in µs', 'log', ...targets, 'to nginx', 'goal', 'met', 'to caddy', '≤ 1/3', '<notes'];
  return textTable(heading, lines);
}

/** The goals that are not a ratio of CPU time, one a line. */
export function othersTable(others: readonly Other[]): string {
  const lines = others.map(({ name, what, values, verdict }) => [
    name,
    what,
    values,
    number(verdict?.value, 2),
    number(verdict?.goal, 2),
    answer(verdict?.met),
  ]);
  return textTable(['<', '<', '<values', 'measured', 'goal', 'met'], lines);
}

/** What the full load of each scenario came to, beside CPU time. */
export function loadTable(all: readonly Summary[]): string {
  const lines = all.map((each) => [
    each.scenario,
    each.log ? 'on' : 'off',
    each.target,
    each.requestsPerSecond.toFixed(0),
    percent(each.coreUse),
    ...[each.p50, each.p90, each.p99].map((time) => (time / 1000).toFixed(2)),
  ]);
  return textTable(['<scenario', 'log', '<proxy', 'a second', 'core used', 'p50 ms', 'p90 ms', 'p99 ms'], lines);
}
