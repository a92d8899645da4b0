/** `sluice controller`: serves a cluster's Ingresses until it is told to stop. */
import process from 'node:process';
import { createLogger } from '../observe/log.ts';
import { helpText, versionText } from '../settings/help.ts';
import { asksFor, idleFlags, parseFlags } from '../settings/parse.ts';
import type { RunCommand } from './run-command.ts';
import { type WantedPort, requireFreePorts } from './ports.ts';
import { exitOnBugs, stopSignal } from './process-life.ts';
import { UsageError } from './usage-error.ts';

/** The data plane has failed: what the other workers have in flight gets this many milliseconds. */
const FAILED = Symbol('failed');
const FAILED_STOP_MS = 10_000;

/** Resolves with 0 after a signal and an orderly end, with 1 when it cannot serve. */
export const run: RunCommand = async (argv, env) => {
  switch (asksFor(argv)) {
    case 'help':
      process.stdout.write(`${helpText()}\n`);
      return 0;
    case 'version':
      process.stdout.write(`${versionText()}\n`);
      return 0;
    case undefined:
      break;
  }
  const settings = parseFlags(argv, env);
  const log = createLogger(settings.controller.logLevel);
  for (const message of idleFlags(argv)) log.warn({}, message);
  exitOnBugs(process, log);
  const stopped = stopSignal(process, log);
  try {
    const { proxy, controller, translate } = settings;
    if (translate.topologyAwareRouting && translate.zone === '')
      log.warn({}, '--enable-topology-aware-routing has no effect: POD_ZONE does not say which zone this is');
    const wanted: readonly WantedPort[] = [
      { flag: 'http-port', port: proxy.httpPort, address: proxy.bindAddress },
      { flag: 'https-port', port: proxy.httpsPort, address: proxy.bindAddress },
      { flag: 'healthz-port', port: controller.adminPort, address: controller.adminAddress },
    ];
    await requireFreePorts(wanted);
    // The Kubernetes client takes its time to load; a mistake in the command line is answered without it.
    const { serve, rejectionOf } = await import('./serve.ts');
    const serving = await serve(settings, log);
    log.info({ version: versionText(), adminPort: serving.adminPort, workers: controller.workers }, 'started');
    void serving.listening.then((ports) => log.info({ ...ports }, 'listening'), ignore);
    const failed = await Promise.race([stopped, rejectionOf(serving.listening), serving.failed.then(() => FAILED)]);
    await serving.stop(failed === FAILED ? FAILED_STOP_MS : undefined);
    // An orderly exit would wait for the thread that does not end.
    if (failed === FAILED) process.kill(process.pid, 'SIGKILL');
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    log.error({ error }, 'cannot serve');
    return 1;
  }
};

/** The other waiter for the same promise deals with its failure. */
function ignore(): void {}
