/** What the connections of clients are at, as nginx's stub_status tells it. */
import { ClientConnection } from '../http1/connection.ts';
import type { OpenConnection } from '../http1/connection-context.ts';
import { ClientSession } from '../http2/session.ts';

/** How many connections read a request head, are being answered, and wait for a request. */
export interface ConnectionStates {
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
}

/** Counts them. */
export function connectionStates(connections: Iterable<OpenConnection>): ConnectionStates {
  let reading = 0;
  let writing = 0;
  let waiting = 0;
  for (const connection of connections) {
    if (connection instanceof ClientConnection) {
      if (connection.request === null) waiting++;
      else if (connection.request.exchange.active) writing++;
      else reading++;
    } else if (connection instanceof ClientSession && connection.streams > 0) writing++;
    else waiting++;
  }
  return { reading, writing, waiting };
}
