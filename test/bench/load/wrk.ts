/** Full load of plain requests: wrk. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOAD_CORE, type ProcessGroup } from '../processes.ts';
import type { Scenario } from '../scenarios.ts';
import { requestTexts } from './request.ts';
import { type LoadResult, parseResult } from './result.ts';

function luaString(text: string): string {
  const escaped = text.replace(/["\\]|[^ -~]/g, (character) => `\\${character.charCodeAt(0).toString().padStart(3, '0')}`);
  return `"${escaped}"`;
}

/**
 * The wrk script of a scenario. Requests are sent byte for byte, in an order that leaps over the list of them (the stride is
 * a prime above its length).
 */
export function wrkScript(scenario: Scenario): string {
  return `local requests = {
${requestTexts(scenario).map(luaString).join(',\n')}
}
local at = 0
request = function()
  at = (at + 15485863) % #requests
  return requests[at + 1]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests":%d,"seconds":%f,"p50":%f,"p90":%f,"p99":%f,"errors":%d}\\n',
    summary.requests, summary.duration / 1000000, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;
}

/** Loads a port with a scenario for some seconds. Connections that the answer closes are opened anew. */
export async function runWrk(scenario: Scenario, port: number, seconds: number, processes: ProcessGroup): Promise<LoadResult> {
  const script = join(processes.directory, `${scenario.name}.lua`);
  writeFileSync(script, wrkScript(scenario));
  // wrk puts the host of the URL into the SNI, where an address may not stand (RFC 6066, section 3). It leaves out the
  // addresses of localhost that nobody listens on.
  const url = `${scenario.scheme}://localhost:${port}/`;
  const command = ['wrk', '-t1', `-c${scenario.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  return parseResult(await processes.run(LOAD_CORE, command)) as LoadResult;
}
