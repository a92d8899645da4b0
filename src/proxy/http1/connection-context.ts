import type { ProxyError } from '../errors.ts';
import type { ExchangeContext } from '../exchange.ts';
import type { Outbox } from '../outbox.ts';
import type { ClientConnection } from './connection.ts';
import type { RequestHeadLimits } from './head/request-head.ts';
import type { RequestStates } from './request-state.ts';

/** What a connection needs of its worker. */
export interface ConnectionContext extends ExchangeContext {
  readonly outbox: Outbox;
  readonly states: RequestStates;
  readonly requestLimits: () => RequestHeadLimits;
  /** The connections of the worker. */
  readonly connections: Set<ClientConnection>;
  /** An exception in a callback: the connection is closed, the worker goes on. */
  readonly onBug: (error: unknown) => void;
  /** A request that was refused before it became an exchange. */
  readonly onRefused: (connection: ClientConnection, error: ProxyError) => void;
}
