import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { cpuSeconds, parseStat } from './cpu.ts';
import { parseWrk, wrkScript } from './load.ts';
import { parseBenchOptions } from './options.ts';
import { freePort } from '../support/ports.ts';
import { ProcessGroup } from './processes.ts';
import { median, reportText, type Sample, summaries } from './report.ts';
import { SCENARIOS } from './scenarios.ts';

const [GET] = SCENARIOS;

function sample(target: string, round: number, cpuSeconds: number, requests = 1000): Sample {
  return { scenario: 'get', target, round, cpuSeconds, requests, seconds: 2, p50: 1000, p90: 2000, p99: 3000, errors: 0 };
}

describe('CPU time', () => {
  it('is read behind a command name with spaces and parentheses', () => {
    const line = `42 (a) b (c)) S 7 ${'0 '.repeat(9)}120 30 ${'0 '.repeat(30)}`;
    expect(parseStat(line)).toEqual({ pid: 42, parent: 7, ticks: 150 });
  });

  it('counts what a process and its children used', async () => {
    // A shell whose child spins until it is told to stop, so that all time is the child's.
    const shell = spawn('/bin/sh', ['-c', '(while :; do :; done) & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer];
    try {
      await expect.poll(() => cpuSeconds(shell.pid ?? 0), { timeout: 10_000 }).toBeGreaterThan(0.05);
    } finally {
      process.kill(Number(pid.toString()), 'SIGKILL');
      shell.kill('SIGKILL');
    }
  });
});

describe('processes', () => {
  it('reports what a program said that ended before it listened', async () => {
    const group = new ProcessGroup();
    try {
      const command = ['/bin/sh', '-c', 'echo bad configuration; exit 1'];
      await expect(group.start('it', 0, command, [await freePort()])).rejects.toThrow(
        /it does not listen on port \d+: bad configuration/,
      );
    } finally {
      await group.stop();
    }
  });

  it('ends what it started', async () => {
    const group = new ProcessGroup();
    const { pid } = await group.start('it', 0, ['sleep', '1000'], []);
    await group.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a program that is run to its end', () => {
  it('gives its output, or fails with it', async () => {
    const group = new ProcessGroup();
    try {
      expect(await group.run(0, ['/bin/sh', '-c', 'echo done'])).toBe('done\n');
      await expect(group.run(0, ['/bin/sh', '-c', 'echo why >&2; exit 3'])).rejects.toThrow('/bin/sh ended with 3: why');
      const long = group.run(0, ['sleep', '1000']);
      await Promise.all([expect(long).rejects.toThrow('sleep ended with SIGTERM'), group.stop()]);
    } finally {
      await group.stop();
    }
  });
});

describe('the report', () => {
  it('takes medians, and ratios round by round', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
    const samples = [
      sample('nginx', 1, 0.02),
      sample('sluice', 1, 0.03),
      // A round in which everything took twice as long does not move the ratio.
      sample('nginx', 2, 0.04),
      sample('sluice', 2, 0.06),
      sample('nginx', 3, 0.02),
      sample('sluice', 3, 0.03),
    ];
    const [nginx, sluice] = summaries(samples);
    expect(nginx).toMatchObject({ target: 'nginx', rounds: 3, cpuPerRequest: 20, ratioToNginx: 1, requestsPerSecond: 500 });
    expect(sluice).toMatchObject({ target: 'sluice', coreUse: 0.015, p99: 3000 });
    expect(sluice?.ratioToNginx).toBeCloseTo(1.5);
    expect(reportText(summaries(samples), SCENARIOS)).toMatch(
      /^sluice +30\.0 µs +1\.50 +500 +2 % +1\.00 ms +2\.00 ms +3\.00 ms +0$/m,
    );
  });

  it('does without nginx', () => {
    expect(summaries([sample('sluice', 1, 0.03)])[0]?.ratioToNginx).toBeNull();
  });
});

describe('load', () => {
  it('quotes what it writes into the script', () => {
    expect(GET).toBeDefined();
    const script = wrkScript({ ...GET!, headers: [['Sec-CH-UA', '"a\\b"']], bodyLength: 3 });
    expect(script).toContain('wrk.headers["Sec-CH-UA"] = "\\"a\\\\b\\""');
    expect(script).toContain('string.rep("b", 3)');
  });

  it('reads the result, and refuses an output without one', () => {
    expect(parseWrk('Running\n\nRESULT {"requests":5,"errors":0}\n')).toEqual({ requests: 5, errors: 0 });
    expect(() => parseWrk('unable to connect')).toThrow('unable to connect');
  });
});

function parse(...argv: string[]) {
  return parseBenchOptions(argv, ['sluice', 'nginx'], ['get', 'tls']);
}

describe('the command line', () => {
  it('has everything by default, and takes a part', () => {
    expect(parse()).toEqual({ rounds: 5, seconds: 3, targets: ['sluice', 'nginx'], scenarios: ['get', 'tls'], json: null });
    expect(parse('--only', 'nginx', '--scenario=tls', '--rounds=1')).toMatchObject({
      targets: ['nginx'],
      scenarios: ['tls'],
      rounds: 1,
    });
  });

  it('names what it does not know', () => {
    expect(() => parse('--only=apache')).toThrow('"apache" is not one of sluice, nginx');
    expect(() => parse('--seconds=0')).toThrow('not a number from 1');
    expect(() => parse('--fast')).toThrow('--fast');
  });
});
