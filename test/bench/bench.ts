/**
 * Compares Sluice with other proxies on this machine: CPU time per request, latency, memory. All in one run, turn by turn
 * against the same backend, so that what disturbs one disturbs all. See README.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname } from 'node:path';
import { Instances } from './instances.ts';
import type { MeasureOptions } from './measure/options.ts';
import { measureScenario, type Sample } from './measure/throughput.ts';
import { type BenchOptions, parseBenchOptions } from './options.ts';
import { canPin, ProcessGroup, programPath } from './processes.ts';
import { costTable, loadTable } from './report/report.ts';
import { summaries } from './report/summary.ts';
import { SCENARIOS } from './scenarios.ts';
import { CADDY } from './targets/caddy.ts';
import { HAPROXY } from './targets/haproxy.ts';
import { NGINX } from './targets/nginx.ts';
import { HTTP_PROXY, SLUICE } from './targets/node.ts';
import type { Target } from './targets/target.ts';

const TARGETS: readonly Target[] = [SLUICE, NGINX, HAPROXY, CADDY, HTTP_PROXY];
const BESIDE_ROUNDS = 2;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Why a run is impossible, or less than it could be. */
function reportMissing(targets: readonly Target[]): void {
  if (programPath('wrk') === undefined) throw new Error('wrk is not installed, which makes the load: apt-get install wrk');
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
  readonly samples: Sample[];
}

async function measureAll(processes: ProcessGroup, targets: readonly Target[], options: BenchOptions): Promise<Results> {
  const { rounds, seconds } = options;
  const how: MeasureOptions = { processes, rounds, besideRounds: BESIDE_ROUNDS, seconds, say };
  const instances = await Instances.start(processes);
  const samples: Sample[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => options.scenarios.includes(name))) {
    for (const log of options.logs) {
      if (log && !scenario.logged) continue;
      samples.push(...(await measureScenario(scenario, log, targets, instances, how)));
    }
  }
  return { samples };
}

function writeResults(options: BenchOptions, targets: readonly Target[], results: Results): void {
  const date = new Date().toISOString();
  const file = options.json ?? new URL(`results/${date.replaceAll(':', '-')}.json`, import.meta.url).pathname;
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, kernel: release(), pinned: canPin() };
  const versions = Object.fromEntries(targets.map((target) => [target.name, versionOf(target)]));
  mkdirSync(dirname(file), { recursive: true });
  const content = { date, machine, versions, options, summaries: summaries(results.samples), ...results };
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  say(`written to ${file}`);
}

function print({ samples }: Results, targets: readonly Target[]): void {
  const all = summaries(samples);
  const names = targets.map(({ name }) => name);
  process.stdout.write(`${loadTable(all)}\n\n${costTable(all, SCENARIOS, names)}\n`);
}

async function main(): Promise<void> {
  const options = parseBenchOptions(
    process.argv.slice(2),
    TARGETS.map(({ name }) => name),
    SCENARIOS.map(({ name }) => name),
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
    print(results, targets);
    writeResults(options, targets, results);
  } finally {
    await processes.stop();
  }
}

await main().catch((error: unknown) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
});
