/** What a test may replace of a worker's runtime, what it tells, and what it counts of itself. */
import type { KeyObject } from 'node:crypto';
import type { ClientCounts } from '../../policies/limits/client-counts.ts';
import type { TempFileSystem } from '../body/temp-files.ts';
import type { Refusal } from '../listener/opening.ts';
import type { Lookup } from '../upstream/resolver.ts';
import type { AdmissionLevel } from './overload.ts';

/** What a worker holds open; all of it is 0 when nobody is connected and idle upstream connections are gone. */
export interface Census {
  /** Of clients, those in their TLS handshake included. */
  readonly connections: number;
  /** Open on connections that speak HTTP/2. */
  readonly streams: number;
  /** Connections of both sides that are watched for their deadline. */
  readonly deadlines: number;
  /** Connections to endpoints of the table, busy and idle. */
  readonly upstreams: number;
  /** Those that wait in a pool. */
  readonly idleUpstreams: number;
  readonly udpSessions: number;
  /** Responses that are being compressed. */
  readonly compressions: number;
  /** Temporary files, and the bytes in them. */
  readonly tempFiles: number;
  readonly tempBytes: number;
}

/** What a test may replace, and what the worker tells. */
export interface RuntimeOptions {
  /** An exception nobody expected. `lost`: what it cost, when it was not an exchange. */
  readonly onBug: (error: unknown, lost?: string) => void;
  /** What the delays of the event loop ask for has changed; `delay`: the last one, in milliseconds. */
  readonly onDelayed?: ((level: AdmissionLevel, delay: number) => void) | undefined;
  /** Called now and then while a table is applied. */
  readonly onProgress?: (() => void) | undefined;
  /** Connections are closed for their PROXY header; told for one of many. */
  readonly onProxyHeaderRefused?: ((address: string, why: Refusal) => void) | undefined;
  /** Something beside the traffic does not work, such as a log that cannot be written; `why`: in the system's words. */
  readonly onTrouble?: ((what: string, why: string) => void) | undefined;
  readonly lookup?: Lookup | undefined;
  readonly fileSystem?: TempFileSystem | undefined;
  /** The addresses that services of policies may have; unless a test says otherwise, not those of the loopback. */
  readonly reachable?: ((address: string) => boolean) | undefined;
  /** Of TLS session tickets, shared with the other workers; keys of its own when it is alone. */
  readonly ticketKeys?: KeyObject;
  /** What clients asked for lately, shared with the other workers; counts of its own when it is alone. */
  readonly counts?: ClientCounts;
}
