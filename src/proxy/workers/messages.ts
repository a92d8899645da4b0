/** What passes between the supervisor (main thread) and a worker. All of it is plain data. */
import type { KeyObject } from 'node:crypto';
import type { SeriesAnnouncement } from '../../observe/series.ts';
import type { StreamId, TablePatch } from '../../model/table.ts';
import type { CountsMemory, HeldCounts } from '../../policies/limits/client-counts.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { BoundPorts } from '../data-plane.ts';
import type { StapleChange } from '../ocsp/stapler.ts';
import type { AdmissionLevel } from './overload.ts';

/** What a worker starts with. */
export interface WorkerData {
  readonly settings: ProxySettings;
  /** Where it counts requests: `observe/series.ts`. */
  readonly counters: Float64Array<SharedArrayBuffer>;
  /** What clients asked for lately, shared by all workers; what of it is this worker's; and its number. */
  readonly counts: { readonly memory: CountsMemory; readonly held: HeldCounts; readonly worker: number };
  /** Of TLS session tickets: `listener/ticket-keys.ts`. */
  readonly ticketKeys: KeyObject;
  /** What may be stapled now: `ocsp/stapler.ts`. */
  readonly staples: readonly StapleChange[];
}

/** To a worker. */
export type ToWorker =
  | { readonly type: 'patch'; readonly patch: TablePatch }
  | { readonly type: 'configure'; readonly settings: ProxySettings }
  | { readonly type: 'ticketKeys'; readonly keys: KeyObject }
  | { readonly type: 'staples'; readonly changes: readonly StapleChange[] }
  /** Sent once the worker has a table. */
  | { readonly type: 'listen'; readonly ports: BoundPorts }
  /** The ports of these TCP and UDP services are free: listen. */
  | { readonly type: 'listenStreams'; readonly ids: readonly StreamId[] }
  /** What the memory of the process asks for from now on. */
  | { readonly type: 'memory'; readonly level: AdmissionLevel }
  /** Responses close their connections from now on; accepting goes on. */
  | { readonly type: 'drain' }
  /** Stop accepting, and end when the last connection closed or after `deadline` milliseconds. */
  | { readonly type: 'stop'; readonly deadline: number };

/** From a worker. */
export type FromWorker =
  /** The first word; the thread's name for `heartbeats.ts`. */
  | { readonly type: 'started'; readonly thread: string }
  | { readonly type: 'applied'; readonly version: number }
  | { readonly type: 'listening'; readonly ports: BoundPorts }
  | { readonly type: 'listenFailed'; readonly message: string; readonly code: string }
  /** The port of a TCP or UDP service could not be listened on. */
  | { readonly type: 'streamFailed'; readonly id: StreamId; readonly message: string }
  /** Something does not work, and perhaps again and again; `client`: whose connection it was. */
  | { readonly type: 'trouble'; readonly what: string; readonly why: string; readonly client?: string }
  /** An exception nobody expected; `lost` says what it cost. */
  | { readonly type: 'bug'; readonly stack: string; readonly lost: string }
  /** What the delays of the worker's event loop ask for from now on; `delay`: the last one, in milliseconds. */
  | { readonly type: 'delayed'; readonly level: AdmissionLevel; readonly delay: number }
  | { readonly type: 'series'; readonly announcement: SeriesAnnouncement };
