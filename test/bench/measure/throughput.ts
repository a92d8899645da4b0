/** CPU time per request at full load, scenario by scenario. */
import type { Instance, Instances } from '../instances.ts';
import { checkAnswer } from '../load/check.ts';
import { runClient } from '../load/clients.ts';
import type { HandshakeOptions } from '../load/handshakes.ts';
import { requestText } from '../load/request.ts';
import type { LoadResult } from '../load/result.ts';
import type { WebSocketOptions } from '../load/websocket.ts';
import { runH2load } from '../load/h2load.ts';
import { runWrk } from '../load/wrk.ts';
import type { ProcessGroup } from '../processes.ts';
import { ECDSA_HOST, POLICIES_HOST, type Scenario } from '../scenarios.ts';
import type { Target } from '../targets/target.ts';
import type { MeasureOptions } from './options.ts';
import { type Usage, withUsage } from './usage.ts';

/** One proxy in one round of one scenario. */
export interface Sample extends LoadResult, Usage {
  readonly scenario: string;
  readonly target: string;
  /** It wrote an access log. */
  readonly log: boolean;
  readonly round: number;
}

const WARM_UP_SECONDS = 1;

/** Loads a port with a scenario at full speed. */
export async function runLoad(scenario: Scenario, port: number, seconds: number, processes: ProcessGroup): Promise<LoadResult> {
  const { host, connections, resumed } = scenario;
  switch (scenario.load) {
    case 'wrk':
      return runWrk(scenario, port, seconds, processes);
    case 'h2load':
      return runH2load(scenario, port, seconds, processes);
    case 'handshakes': {
      const keyType = host === ECDSA_HOST ? 'ec' : 'rsa';
      const request = requestText(scenario);
      const options: HandshakeOptions = { port, host, keyType, request, resumed, connections, seconds };
      return (await runClient('handshakes.ts', options, processes)) as LoadResult;
    }
    case 'websocket': {
      const options: WebSocketOptions = { port, host, connections, seconds };
      return (await runClient('websocket.ts', options, processes)) as LoadResult;
    }
  }
}

async function measure(
  scenario: Scenario,
  instance: Instance,
  seconds: number,
  processes: ProcessGroup,
): Promise<LoadResult & Usage> {
  const port = scenario.scheme === 'http' ? instance.httpPort : instance.httpsPort;
  const { target, running } = instance;
  const load = await withUsage(running, () => runLoad(scenario, port, seconds, processes));
  if (load.requests === 0) throw new Error(`${target.name} answered nothing in "${scenario.name}": ${running.output()}`);
  instance.checkLog(load.requests);
  return load;
}

/** The proxies that can do a scenario. */
export function ableTargets(targets: readonly Target[], scenario: Scenario, log: boolean): readonly Target[] {
  return targets.filter(
    ({ logs, routes, policies, http2 }) =>
      (logs || !log) &&
      (routes || scenario.routes === 0) &&
      (policies || scenario.host !== POLICIES_HOST) &&
      (http2 || scenario.load !== 'h2load'),
  );
}

/**
 * Measures a scenario round by round, in each round one proxy after the other. Those that only stand beside take part in the
 * first rounds only.
 */
export async function measureScenario(
  scenario: Scenario,
  log: boolean,
  targets: readonly Target[],
  instances: Instances,
  { processes, rounds, besideRounds, seconds, say }: MeasureOptions,
): Promise<Sample[]> {
  const name = `${scenario.name}${log ? ' with access log' : ''}`;
  say(`${name}: warming up`);
  const started: Instance[] = [];
  for (const target of ableTargets(targets, scenario, log)) {
    const instance = await instances.get(target, { log, routes: scenario.routes });
    // Our own clients check every answer.
    if (scenario.load === 'wrk' || scenario.load === 'h2load')
      await checkAnswer(scenario, scenario.scheme === 'http' ? instance.httpPort : instance.httpsPort);
    await measure(scenario, instance, WARM_UP_SECONDS, processes);
    started.push(instance);
  }
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`${name}: round ${round} of ${rounds}`);
    for (const instance of started) {
      const { name: target, beside } = instance.target;
      if (beside && round > besideRounds) continue;
      samples.push({
        ...(await measure(scenario, instance, seconds, processes)),
        scenario: scenario.name,
        target,
        log,
        round,
      });
    }
  }
  return samples;
}
