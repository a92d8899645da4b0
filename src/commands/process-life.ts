/** Signals and bugs: how the process ends. */
import type { Logger } from '../observe/log.ts';

/** The part of `process` that matters here. */
interface ProcessEvents {
  readonly on: (event: string, listener: (...args: unknown[]) => void) => unknown;
  readonly exit: (code: number) => void;
}

/** 128 and the signal's number, as a shell reports it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Resolves with the first SIGTERM or SIGINT. A second one ends the process at once, with 143 or 130. */
export function stopSignal(events: ProcessEvents, log: Logger): Promise<keyof typeof EXIT_CODES> {
  return new Promise((resolve) => {
    let first = true;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      events.on(signal, () => {
        if (!first) {
          log.warn({ signal }, 'a second signal; ending at once');
          events.exit(EXIT_CODES[signal]);
        }
        first = false;
        resolve(signal);
      });
    }
  });
}

/** A bug that nobody caught: the state of the process is unknown, so it ends, and whoever runs it starts it again. */
export function exitOnBugs(events: ProcessEvents, log: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    events.on(event, (error) => {
      log.error({ error, event }, 'a bug; the process ends');
      events.exit(1);
    });
  }
}
