/**
 * Compares Sluice with other proxies on this machine: CPU time per request, and latency at full load. All in one run, turn by
 * turn against the same backend, so that what disturbs one disturbs all. See README.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { makeCertificate } from '../support/pki.ts';
import { cpuSeconds } from './cpu.ts';
import { checkAnswer, runLoad } from './load.ts';
import { type BenchOptions, parseBenchOptions } from './options.ts';
import { freePort } from '../support/ports.ts';
import { canPin, LOAD_CORE, ProcessGroup, programPath, type Running } from './processes.ts';
import { reportText, type Sample, summaries } from './report.ts';
import { BENCH_HOST, type Scenario, SCENARIOS } from './scenarios.ts';
import { CADDY } from './targets/caddy.ts';
import { HAPROXY } from './targets/haproxy.ts';
import { backendConfiguration, NGINX } from './targets/nginx.ts';
import { HTTP_PROXY, SLUICE } from './targets/node.ts';
import type { Target } from './targets/target.ts';

const TARGETS: readonly Target[] = [SLUICE, NGINX, HAPROXY, CADDY, HTTP_PROXY];
const WARM_UP_SECONDS = 1;

interface StartedTarget {
  readonly target: Target;
  readonly running: Running;
  readonly httpPort: number;
  readonly httpsPort: number;
}

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

async function startBackend(processes: ProcessGroup): Promise<number> {
  const port = await freePort();
  if (programPath('nginx') === undefined) {
    const script = new URL('raw-backend.ts', import.meta.url).pathname;
    await processes.start('the backend', LOAD_CORE, [process.execPath, script, String(port)], [port]);
  } else {
    const file = join(processes.directory, 'nginx-backend.conf');
    writeFileSync(file, backendConfiguration(port));
    await processes.start('the backend', LOAD_CORE, ['nginx', '-p', processes.directory, '-c', file], [port]);
  }
  return port;
}

async function startTargets(processes: ProcessGroup, targets: readonly Target[]): Promise<StartedTarget[]> {
  const backendPort = await startBackend(processes);
  // RSA, as most certificates are; handshakes are not what is measured.
  const { cert, key } = makeCertificate({ names: [BENCH_HOST, 'localhost'], keyType: 'rsa' });
  const files = {
    certificateFile: join(processes.directory, 'tls.crt'),
    keyFile: join(processes.directory, 'tls.key'),
    bundleFile: join(processes.directory, 'tls.pem'),
  };
  writeFileSync(files.certificateFile, cert);
  writeFileSync(files.keyFile, key);
  writeFileSync(files.bundleFile, `${cert}\n${key}`);
  const started: StartedTarget[] = [];
  for (const target of targets) {
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const running = await target.start({ processes, httpPort, httpsPort, backendPort, ...files });
    await checkAnswer('http', httpPort);
    await checkAnswer('https', httpsPort);
    started.push({ target, running, httpPort, httpsPort });
  }
  return started;
}

async function measure(
  scenario: Scenario,
  started: StartedTarget,
  seconds: number,
  round: number,
  processes: ProcessGroup,
): Promise<Sample> {
  const port = scenario.scheme === 'http' ? started.httpPort : started.httpsPort;
  const before = cpuSeconds(started.running.pid);
  const load = await runLoad(scenario, port, seconds, processes);
  const used = cpuSeconds(started.running.pid) - before;
  if (load.requests === 0)
    throw new Error(`${started.target.name} answered nothing in "${scenario.name}": ${started.running.output()}`);
  return { ...load, scenario: scenario.name, target: started.target.name, round, cpuSeconds: used };
}

async function measureAll(
  processes: ProcessGroup,
  targets: readonly Target[],
  scenarios: readonly Scenario[],
  options: BenchOptions,
): Promise<Sample[]> {
  const started = await startTargets(processes, targets);
  const samples: Sample[] = [];
  for (const scenario of scenarios) {
    say(`${scenario.name}: warming up`);
    for (const each of started) await measure(scenario, each, WARM_UP_SECONDS, 0, processes);
    for (let round = 1; round <= options.rounds; round++) {
      say(`${scenario.name}: round ${round} of ${options.rounds}`);
      for (const each of started) samples.push(await measure(scenario, each, options.seconds, round, processes));
    }
  }
  return samples;
}

function writeResults(options: BenchOptions, targets: readonly Target[], samples: readonly Sample[]): void {
  const date = new Date().toISOString();
  const file = options.json ?? new URL(`results/${date.replaceAll(':', '-')}.json`, import.meta.url).pathname;
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, kernel: release(), pinned: canPin() };
  const versions = Object.fromEntries(targets.map((target) => [target.name, versionOf(target)]));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ date, machine, versions, options, summaries: summaries(samples), samples }, null, 2)}\n`,
  );
  say(`written to ${file}`);
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
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios.includes(name));

  const processes = new ProcessGroup();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void processes.stop().finally(() => process.exit(130)));
  }
  try {
    const samples = await measureAll(processes, targets, scenarios, options);
    process.stdout.write(`${reportText(summaries(samples), scenarios)}\n`);
    writeResults(options, targets, samples);
  } finally {
    await processes.stop();
  }
}

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
