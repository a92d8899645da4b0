/** Finds out early, and says clearly, that a port cannot be had. */
import { assertFree } from '../proxy/listener/bind.ts';
import { UsageError } from './usage-error.ts';

/** A port someone asked for. */
export interface WantedPort {
  readonly flag: string;
  readonly port: number;
  readonly address: string;
}

/**
 * Binds each port for a moment. The workers share theirs (SO_REUSEPORT), so that a second Sluice of the same user would get
 * its part of the connections instead of an error; a socket without that option is refused. Throws UsageError.
 */
export async function requireFreePorts(wanted: readonly WantedPort[]): Promise<void> {
  for (const { flag, port, address } of wanted) {
    try {
      await assertFree(address, port);
    } catch (error) {
      throw portError(error, flag, port, address);
    }
  }
}

/** The error of a port that could not be bound, in words that say what to do; any other error as it is. */
export function portError(error: unknown, flag: string, port: number, address: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const other = `choose another with --${flag}`;
  if (code === 'EADDRINUSE') return new UsageError(`port ${port} (--${flag}) is already in use on ${address}; ${other}`);
  if (code === 'EACCES') return new UsageError(`port ${port} (--${flag}) needs a privilege this process lacks; ${other}`);
  if (code === 'EADDRNOTAVAIL') return new UsageError(`${address} is no address of this machine (port ${port}, --${flag})`);
  return error;
}
