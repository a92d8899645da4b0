import type { Tracer } from '../../observe/tracing/tracer.ts';
import type { ClientCounts } from '../../policies/limits/client-counts.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { Compression } from '../compression/compression.ts';
import type { Deadlines } from '../deadlines.ts';
import type { ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Mirrors } from '../mirror/mirrors.ts';
import type { Outbox } from '../outbox.ts';
import type { Router } from '../routing/router.ts';
import type { TunedSettings } from '../routing/tuned-settings.ts';
import type { TempFiles } from '../body/temp-files.ts';
import type { Resolver } from '../upstream/resolver.ts';
import type { Admission } from '../workers/overload.ts';
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

/** What an exchange needs of its worker. */
export interface ExchangeContext {
  readonly settings: () => ProxySettings;
  /** The same for routes that have some of them otherwise. */
  readonly tuned: TunedSettings;
  /** For what of bodies is too much for memory. */
  readonly files: TempFiles;
  /** What the worker grants now. */
  readonly admission: Admission;
  readonly router: Router<CompiledRoute>;
  readonly resolver: Resolver;
  readonly deadlines: Deadlines;
  readonly compression: Compression;
  readonly mirrors: Mirrors;
  /** Null: nothing is traced. */
  readonly tracer: () => Tracer | null;
  /** The heads of responses are wanted when an exchange is over. */
  readonly keepsResponses: () => boolean;
  /** What clients asked for lately, of all workers. */
  readonly counts: ClientCounts;
  /** Called once for every exchange, whatever became of it. */
  readonly onExchangeDone: (exchange: Exchange) => void;
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
