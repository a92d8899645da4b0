import type { ProxyError } from '../errors.ts';
import type { ExchangeContext } from '../exchange.ts';
import type { Outbox } from '../outbox.ts';
import type { ClientInfo } from './forward-request.ts';
import type { RequestHeadLimits } from './head/request-head.ts';
import type { RequestStates } from './request-state.ts';

/** A connection of a client, whatever protocol it speaks. */
export interface OpenConnection {
  readonly client: ClientInfo;
  /** An idle connection closes after `idle` milliseconds, a busy one after its last response. */
  readonly drain: (idle?: number) => void;
  /** Closes at once, whatever is in flight. */
  readonly destroy: () => void;
}

/** What a connection needs of its worker. */
export interface ConnectionContext extends ExchangeContext {
  readonly outbox: Outbox;
  readonly states: RequestStates;
  readonly requestLimits: () => RequestHeadLimits;
  /** The connections of the worker. */
  readonly connections: Set<OpenConnection>;
  /** An exception in a callback: the connection is closed, the worker goes on. */
  readonly onBug: (error: unknown) => void;
  /** A request that was refused before it became an exchange. */
  readonly onRefused: (connection: OpenConnection, error: ProxyError) => void;
}
