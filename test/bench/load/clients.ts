/** Runs the load generators that are programs of ours, each in a process of its own on the core of the load. */
import { LOAD_CORE, type ProcessGroup, programPath } from '../processes.ts';
import { parseResult } from './result.ts';

/** The command line of a client. */
export function clientCommand(file: string, options: object): readonly string[] {
  return [process.execPath, new URL(file, import.meta.url).pathname, JSON.stringify(options)];
}

/** Runs a client to its end. */
export async function runClient(file: string, options: object, processes: ProcessGroup): Promise<unknown> {
  return parseResult(await processes.run(LOAD_CORE, clientCommand(file, options)));
}

/**
 * The same for a client that never sleeps: every other program on its core goes first at once (SCHED_IDLE), where the system
 * can do that. A low priority would not be enough: the others would wait for the end of its slice of some milliseconds.
 */
export async function runRestlessClient(file: string, options: object, processes: ProcessGroup): Promise<unknown> {
  const idle = programPath('chrt') === undefined ? [] : ['chrt', '--idle', '0'];
  return parseResult(await processes.run(LOAD_CORE, [...idle, ...clientCommand(file, options)]));
}

/** In a client: what it was told. */
export function clientOptions(): unknown {
  return JSON.parse(process.argv[2] ?? '');
}
