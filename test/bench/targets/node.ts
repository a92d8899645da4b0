import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CORE, type Running } from '../processes.ts';
import type { Target, TargetSetup } from './target.ts';

/** What a program of ours is told on its command line, as JSON. */
export interface NodeTargetOptions extends Omit<TargetSetup, 'processes'> {
  readonly workers: number;
}

/** Starts it as an image has it: with its modules compiled. So the first of a run is started twice. */
async function start(name: string, file: string, { processes, ...setup }: TargetSetup, workers = 1): Promise<Running> {
  const script = new URL(`../${file}`, import.meta.url).pathname;
  const options: NodeTargetOptions = { ...setup, workers };
  const command = [process.execPath, script, JSON.stringify(options)];
  const cache = join(processes.directory, `compiled-${name}`);
  const env = { NODE_ENV: 'production', NODE_COMPILE_CACHE: cache };
  const launch = (): Promise<Running> =>
    processes.start(name, PROXY_CORE, command, [setup.httpPort, setup.httpsPort], { env, stdout: setup.accessLog });
  if (!existsSync(cache)) await (await launch()).stop();
  return launch();
}

/** Sluice's data plane with so many workers, a fixed table and the default settings. */
export function startSluice(setup: TargetSetup, workers = 1): Promise<Running> {
  return start('sluice', 'sluice-target.ts', setup, workers);
}

/** Sluice's data plane with one worker. */
export const SLUICE: Target = {
  name: 'sluice',
  program: null,
  version: [process.execPath, '--version'],
  beside: false,
  logs: true,
  routes: true,
  policies: true,
  http2: true,
  start: startSluice,
};

/** What a Node user would pick instead. */
export const HTTP_PROXY: Target = {
  name: 'http-proxy',
  program: null,
  version: [process.execPath, '--version'],
  beside: true,
  logs: false,
  routes: false,
  policies: false,
  http2: false,
  start: (setup) => start('http-proxy', 'http-proxy-target.ts', setup),
};
