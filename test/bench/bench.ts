/**
 * Compares Sluice with other proxies on this machine: CPU time per request, latency, memory. All in one run, turn by turn
 * against the same backend, so that what disturbs one disturbs all. See README.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname } from 'node:path';
import { Instances } from './instances.ts';
import { type LatencySample, measureLatency } from './measure/latency.ts';
import { measureIdleConnections, measureWorker, type MemorySample } from './measure/memory.ts';
import type { MeasureOptions } from './measure/options.ts';
import { measureScenario, type Sample } from './measure/throughput.ts';
import { type BenchOptions, parseBenchOptions } from './options.ts';
import { canPin, ProcessGroup, programPath } from './processes.ts';
import { others } from './report/others.ts';
import { costTable, loadTable, othersTable } from './report/report.ts';
import { summaries, verdicts } from './report/summary.ts';
import { SCENARIOS } from './scenarios.ts';
import { CADDY } from './targets/caddy.ts';
import { HAPROXY } from './targets/haproxy.ts';
import { NGINX } from './targets/nginx.ts';
import { HTTP_PROXY, SLUICE } from './targets/node.ts';
import type { Target } from './targets/target.ts';

const TARGETS: readonly Target[] = [SLUICE, NGINX, HAPROXY, CADDY, HTTP_PROXY];
const BESIDE_ROUNDS = 2;
/** What is measured beside the scenarios of full load. */
const OTHERS = ['latency', 'idle', 'worker'];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Why a run is impossible, or less than it could be. */
function reportMissing(targets: readonly Target[]): void {
  if (programPath('wrk') === undefined) throw new Error('wrk is not installed, which makes the load: apt-get install wrk');
  if (programPath('h2load') === undefined)
    throw new Error('h2load is not installed, which makes the load of HTTP/2: apt-get install nghttp2-client');
  for (const { name, program } of targets) {
    if (program !== null && programPath(program.name) === undefined)
      say(`${name} is not installed and left out: apt-get install ${program.debianPackage}`);
  }
  if (!canPin())
    say('No core for each: there is one CPU only, or no taskset (apt-get install util-linux). Numbers will be noisy.');
}

function versionOf({ version: [program = '', ...args] }: Target): string {
  try {
    // nginx writes its version to stderr.
    return (
      execFileSync('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', program, ...args], { encoding: 'utf8' })
        .split('\n')[0]
        ?.trim() ?? ''
    );
  } catch {
    return 'unknown';
  }
}

/** Everything that was measured. */
interface Results {
  readonly samples: readonly Sample[];
  readonly latency: readonly LatencySample[];
  readonly idle: readonly MemorySample[];
  readonly worker: readonly MemorySample[];
}

async function measureAll(processes: ProcessGroup, targets: readonly Target[], options: BenchOptions): Promise<Results> {
  const { rounds, seconds } = options;
  const how: MeasureOptions = { processes, rounds, besideRounds: BESIDE_ROUNDS, seconds, say };
  const asked = (name: string): boolean => options.scenarios.includes(name);
  const instances = await Instances.start(processes);
  const samples: Sample[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => asked(name))) {
    for (const log of options.logs) {
      if (log && !scenario.logged) continue;
      samples.push(...(await measureScenario(scenario, log, targets, instances, how)));
    }
  }
  return {
    samples,
    latency: asked('latency') ? await measureLatency(targets, instances, how) : [],
    idle: asked('idle') ? await measureIdleConnections(targets, instances, how) : [],
    worker: asked('worker') && targets.includes(SLUICE) ? await measureWorker(instances, how) : [],
  };
}

/** Where access logs are written, and who writes none. */
function logNote(processes: ProcessGroup, targets: readonly Target[]): string {
  const without = targets.filter(({ logs }) => !logs).map(({ name }) => name);
  const where = processes.logDirectory === processes.directory ? 'a file' : 'a file in memory (tmpfs)';
  return `Access logs go to standard output, which is ${where}. ${without.length > 0 ? `Without one: ${without.join(', ')}.` : ''}`;
}

/** Writes everything as JSON, and prints the tables. */
function report(options: BenchOptions, processes: ProcessGroup, targets: readonly Target[], results: Results): void {
  const all = summaries(results.samples);
  const beside = others(all, results.latency, results.idle, results.worker);
  const goals = all.flatMap((summary) => {
    const scenario = SCENARIOS.find(({ name }) => name === summary.scenario)!;
    const own = summary.target === SLUICE.name ? verdicts(scenario, summary) : [];
    return own.map((verdict) => ({ scenario: scenario.name, log: summary.log, ...verdict }));
  });

  const date = new Date().toISOString();
  const file = options.json ?? new URL(`results/${date.replaceAll(':', '-')}.json`, import.meta.url).pathname;
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, kernel: release(), pinned: canPin() };
  const versions = Object.fromEntries(targets.map((target) => [target.name, versionOf(target)]));
  const content = { date, machine, versions, options, goals, others: beside, summaries: all, ...results };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);

  const names = targets.map(({ name }) => name);
  const tables = [
    ...(options.details ? [loadTable(all)] : []),
    ...(all.length > 0 ? [costTable(all, SCENARIOS, names), logNote(processes, targets)] : []),
    ...(beside.length > 0 ? [othersTable(beside)] : []),
  ];
  process.stdout.write(`${tables.join('\n\n')}\n`);
  say(`written to ${file}`);
}

async function main(): Promise<void> {
  const options = parseBenchOptions(
    process.argv.slice(2),
    TARGETS.map(({ name }) => name),
    [...SCENARIOS.map(({ name }) => name), ...OTHERS],
  );
  const asked = TARGETS.filter(({ name }) => options.targets.includes(name));
  reportMissing(asked);
  const targets = asked.filter(({ program }) => program === null || programPath(program.name) !== undefined);

  const processes = new ProcessGroup();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void processes.stop().finally(() => process.exit(130)));
  }
  try {
    const results = await measureAll(processes, targets, options);
    report(options, processes, targets, results);
  } finally {
    await processes.stop();
  }
}

await main().catch((error: unknown) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
});
