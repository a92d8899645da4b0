/** What the controller sees of the data plane. `supervisor.ts` implements it over worker threads. */
import type { RoutingTable, TablePatch } from '../model/table.ts';
import type { ProxySettings } from '../settings/settings.ts';
import type { StreamProblem } from './stream/ports.ts';
import type { AdmissionLevel } from './workers/overload.ts';

/** The ports that are really bound: those of the settings, or what the system chose for 0. */
export interface BoundPorts {
  readonly http: number;
  readonly https: number;
}

/** One worker as the admin port shows it. */
export interface WorkerState {
  readonly id: number;
  readonly state: 'starting' | 'ready' | 'stopped';
  /** The version of the last patch it applied; 0 before the first. */
  readonly version: number;
  readonly restarts: number;
  /** What it grants: `workers/overload.ts`. */
  readonly admission: AdmissionLevel;
}

export interface DataPlane {
  /**
   * Hands a change to every worker. `table` is the whole table after the change; a worker that starts later gets it with
   * `reset` set. The first call makes the workers listen; before it they do not accept.
   */
  readonly publish: (table: RoutingTable, patch: TablePatch) => void;
  /**
   * Replaces the settings of every worker, now and for those that start later. Open connections go on; what was read from
   * the settings when they began may stay. The bound address and ports do not change.
   */
  readonly configure: (settings: ProxySettings) => void;
  /** Resolves once every worker listens for the first time. Rejects when the port cannot be bound. */
  readonly listening: Promise<BoundPorts>;
  /** Resolves when a worker can neither serve nor be ended: only the end of the process helps. */
  readonly failed: Promise<void>;
  /** Resolves when every live worker has applied this version or a later one. */
  readonly applied: (version: number) => Promise<void>;
  /** The ports of TCP and UDP services that cannot be listened on at present; `onChange` is called when that changes. */
  readonly streamPorts: { readonly problems: () => readonly StreamProblem[]; readonly watch: (onChange: () => void) => void };
  /** From now on every response closes its connection, so that clients move elsewhere; accepting goes on. */
  readonly drain: () => void;
  /** At least one worker serves the last published table. */
  readonly ready: () => boolean;
  readonly workers: () => readonly WorkerState[];
  /**
   * Stops accepting, closes idle connections, lets exchanges in flight finish for at most `deadline` milliseconds, then ends
   * the workers.
   */
  readonly shutdown: (deadline: number) => Promise<void>;
}
