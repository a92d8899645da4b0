/** Runs wrk for one scenario and reads its summary. */
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { LOAD_CORE, type ProcessGroup } from './processes.ts';
import { BENCH_HOST, RESPONSE_BODY, type Scenario } from './scenarios.ts';

/** What a run of load saw. Latencies are microseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** Socket errors, time-outs and answers other than 2xx and 3xx. */
  readonly errors: number;
}

function luaString(text: string): string {
  return `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`;
}

/** The wrk script of a scenario. wrk writes the request once and sends it again and again. */
export function wrkScript({ method, headers, bodyLength }: Scenario): string {
  const lines = [['Host', BENCH_HOST] as const, ...headers].map(
    ([name, value]) => `wrk.headers[${luaString(name)}] = ${luaString(value)}`,
  );
  return `wrk.method = ${luaString(method)}
${lines.join('\n')}
${bodyLength > 0 ? `wrk.body = string.rep("b", ${bodyLength})` : ''}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests":%d,"seconds":%f,"p50":%f,"p90":%f,"p99":%f,"errors":%d}\\n',
    summary.requests, summary.duration / 1000000, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;
}

/** The result in what wrk prints. Throws, with the output, when there is none. */
export function parseWrk(output: string): LoadResult {
  const json = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (json === undefined) throw new Error(`wrk gave no result: ${output}`);
  return JSON.parse(json) as LoadResult;
}

/** Loads a port with a scenario for some seconds. */
export async function runLoad(scenario: Scenario, port: number, seconds: number, processes: ProcessGroup): Promise<LoadResult> {
  const script = join(processes.directory, `${scenario.name}.lua`);
  writeFileSync(script, wrkScript(scenario));
  // wrk puts the host of the URL into the SNI, where an address may not stand (RFC 6066, section 3). It leaves out the
  // addresses of localhost that nobody listens on.
  const url = `${scenario.scheme}://localhost:${port}${scenario.path}`;
  const command = ['wrk', '-t1', `-c${scenario.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  return parseWrk(await processes.run(LOAD_CORE, command));
}

/**
 * Sends one request and rejects unless the backend's answer comes back: a proxy that answers by itself would look very cheap.
 */
export function checkAnswer(scheme: Scenario['scheme'], port: number): Promise<void> {
  const options = {
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    agent: false,
    headers: { host: BENCH_HOST },
  };
  return new Promise((resolve, reject) => {
    const request = (scheme === 'http' ? http : https).get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        if (response.statusCode === 200 && body === RESPONSE_BODY) resolve();
        else
          reject(
            new Error(`port ${port} answered ${response.statusCode} with ${body.length} bytes, not what the backend answers`),
          );
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.setTimeout(5000, () => request.destroy(new Error(`port ${port} does not answer`)));
  });
}
