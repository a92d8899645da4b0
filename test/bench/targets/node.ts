import { PROXY_CORE } from '../processes.ts';
import type { Target, TargetSetup } from './target.ts';

function nodeTarget(name: string, file: string): Target {
  return {
    name,
    program: null,
    version: [process.execPath, '--version'],
    start: (setup: TargetSetup) => {
      const { httpPort, httpsPort, backendPort, certificateFile, keyFile } = setup;
      const script = new URL(`../${file}`, import.meta.url).pathname;
      const command = [
        process.execPath,
        script,
        JSON.stringify({ httpPort, httpsPort, backendPort, certificateFile, keyFile }),
      ];
      return setup.processes.start(name, PROXY_CORE, command, [httpPort, httpsPort], { NODE_ENV: 'production' });
    },
  };
}

/** What a program of ours is told on its command line, as JSON. */
export type NodeTargetOptions = Pick<TargetSetup, 'httpPort' | 'httpsPort' | 'backendPort' | 'certificateFile' | 'keyFile'>;

/** Sluice's data plane: one worker, a fixed table, the default settings. */
export const SLUICE: Target = nodeTarget('sluice', 'sluice-target.ts');

/** What a Node user would pick instead. */
export const HTTP_PROXY: Target = nodeTarget('http-proxy', 'http-proxy-target.ts');
