import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.ts';
import { cpuSeconds, family, parseCoreBusy, parseStat } from './cpu.ts';
import { descriptorLimit, memoryOf, parseRollup } from './memory.ts';
import { parseBenchOptions } from './options.ts';
import { ProcessGroup } from './processes.ts';

describe('CPU time', () => {
  it('is read behind a command name with spaces and parentheses', () => {
    const line = `42 (a) b (c)) S 7 ${'0 '.repeat(9)}120 30 ${'0 '.repeat(30)}`;
    expect(parseStat(line)).toEqual({ pid: 42, parent: 7, ticks: 150 });
  });

  it('of a core is what is not idle', () => {
    const text = 'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 9 9 9 9 9 9 9 9 9 9\ncpu1 100 1 200 5000 700 2 3 4 50 0\n';
    expect(parseCoreBusy(text, 1)).toBeCloseTo(3.1);
    expect(parseCoreBusy(text, 2)).toBeUndefined();
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

describe('memory', () => {
  it('is read from the sums of a process', () => {
    const text = 'ffff r--p [rollup]\nRss:                8 kB\nPss:                3 kB\nPss_Anon:           1 kB\n';
    expect(parseRollup(text)).toEqual({ rss: 8192, pss: 3072 });
  });

  it('counts a process and its children', async () => {
    const shell = spawn('/bin/sh', ['-c', 'sleep 1000 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer];
    try {
      expect(new Set(family(shell.pid ?? 0).map((each) => each.pid))).toEqual(new Set([shell.pid, Number(pid.toString())]));
      expect(memoryOf(shell.pid ?? 0).rss).toBeGreaterThan(memoryOf(Number(pid.toString())).rss);
    } finally {
      process.kill(Number(pid.toString()), 'SIGKILL');
      shell.kill('SIGKILL');
    }
  });

  it('knows how many files may be open', () => {
    expect(descriptorLimit()).toBeGreaterThan(100);
  });
});

describe('an access log', () => {
  it('is what a program writes to its standard output, and can be emptied', async () => {
    const processes = new ProcessGroup();
    try {
      const file = join(processes.logDirectory, 'it.log');
      const command = ['/bin/sh', '-c', 'echo one; while [ -s "$0" ]; do sleep 0.01; done; echo two; sleep 1000', file];
      const running = await processes.start('it', 0, command, [], { stdout: file });
      await expect.poll(() => readFileSync(file, 'utf8'), { timeout: 10_000 }).toBe('one\n');
      truncateSync(file);
      await expect.poll(() => readFileSync(file, 'utf8'), { timeout: 10_000 }).toBe('two\n');
      await running.stop();
      expect(running.ended()).toBe(true);
    } finally {
      await processes.stop();
    }
  });
});

function parse(...argv: string[]) {
  return parseBenchOptions(argv, ['sluice', 'nginx'], ['get', 'tls']);
}

describe('the command line', () => {
  it('has everything by default, and takes a part', () => {
    expect(parse()).toEqual({
      rounds: 5,
      seconds: 2,
      targets: ['sluice', 'nginx'],
      scenarios: ['get', 'tls'],
      logs: [false, true],
      details: false,
      json: null,
    });
    expect(parse('--only', 'nginx', '--scenario=tls', '--rounds=1', '--log=on', '--details')).toMatchObject({
      targets: ['nginx'],
      logs: [true],
      details: true,
      scenarios: ['tls'],
      rounds: 1,
    });
  });

  it('names what it does not know', () => {
    expect(() => parse('--only=apache')).toThrow('"apache" is not one of sluice, nginx');
    expect(() => parse('--seconds=0')).toThrow('not a number from 1');
    expect(() => parse('--log=some')).toThrow('"some" is not one of off, on, both');
    expect(() => parse('--fast')).toThrow('--fast');
  });
});
