/** Runs the load generators that are programs of ours, each in a process of its own on the core of the load. */
import { LOAD_CORE, type ProcessGroup } from '../processes.ts';
import { parseResult } from './result.ts';

/** The command line of a client. */
export function clientCommand(file: string, options: object): readonly string[] {
  return [process.execPath, new URL(file, import.meta.url).pathname, JSON.stringify(options)];
}

/** Runs a client to its end. */
export async function runClient<T>(file: string, options: object, processes: ProcessGroup): Promise<T> {
  return parseResult<T>(await processes.run(LOAD_CORE, clientCommand(file, options)));
}

/** In a client: what it was told. */
export function clientOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '') as T;
}
