/** The structured log: one JSON object a line, to stderr. Access lines are not written here; they go to stdout. */
import { pino } from 'pino';
import { ErrorLines } from './standard-streams.ts';

/** The levels of the flag `--v`/`--log-level`, most severe first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** What a line says besides its message. An `error` member is written with its type, message and stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line. Never throws, whatever the fields are and wherever the log goes. */
export type LogMethod = (fields: LogFields, message: string) => void;

export interface Logger {
  readonly error: LogMethod;
  readonly warn: LogMethod;
  readonly info: LogMethod;
  readonly debug: LogMethod;
}

/** Where lines go; each call gets one line with its newline. */
export interface LogDestination {
  readonly write: (line: string) => unknown;
}

/** A logger that writes what is at least as severe as `level`. */
export function createLogger(level: LogLevel, destination: LogDestination = standardError()): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
    depthLimit: 8,
    edgeLimit: 200,
  };
  const lines = pino(options, destination as pino.DestinationStream);
  const method =
    (name: LogLevel): LogMethod =>
    (fields, message) => {
      try {
        lines[name](fields, message);
      } catch {
        // A log line that cannot be written must not end what it reports on.
      }
    };
  return { error: method('error'), warn: method('warn'), info: method('info'), debug: method('debug') };
}

/** A logger that writes nothing. */
export const SILENT_LOG: Logger = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** Stderr, written at once so that the last line before an exit is not lost; a reader that is slow or gone is not waited for. */
function standardError(): LogDestination {
  const lines = new ErrorLines();
  process.once('exit', () => lines.flush());
  return lines;
}
