import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../scenarios.ts';
import { h2loadCommand, h2loadResult } from './h2load.ts';

const OUTPUT = `finished in 2.00s, 5.00 req/s, 1KB/s
requests: 12 total, 12 started, 10 done, 9 succeeded, 1 failed, 1 errored, 0 timeout
status codes: 8 2xx, 1 3xx, 0 4xx, 1 5xx
`;
const LOG = '1700000000000000\t200\t1000\n1700000000000000\t200\t3000\n1700000000000000\t500\t2000\n';

describe('h2load', () => {
  it('is read: what was done, what failed, how long it took', () => {
    expect(h2loadResult(OUTPUT, LOG)).toEqual({ requests: 10, seconds: 2, p50: 2000, p90: 3000, p99: 3000, errors: 1 });
    expect(h2loadResult(OUTPUT.replace('2.00s', '500.00ms'), LOG).seconds).toBe(0.5);
    expect(() => h2loadResult('cannot connect', '')).toThrow('no result: cannot connect');
  });

  it('names the host and connects to a port of this machine', () => {
    const scenario = SCENARIOS.find(({ load }) => load === 'h2load')!;
    const command = h2loadCommand(scenario, 8443, 2, '/log');
    expect(command).toContain('--connect-to=127.0.0.1:8443');
    expect(command.at(-1)).toBe(`https://${scenario.host}/`);
    expect(command).toContain('user-agent: bench/1.0');
  });
});
