/** What the controllers of the embedded cluster have in common. */
import type { Storage, StorageEvent, StoredObject } from '../api/storage.ts';
import type { RecordEvent } from './events.ts';
import { WorkQueue } from './work-queue.ts';
import type { Reconcile } from './work-queue.ts';

/** What a controller gets to work with. */
export interface ControllerContext {
  readonly storage: Storage;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Records a Kubernetes Event on an object. */
  readonly record: RecordEvent;
  /** Told of failures that are tried again; they are no user's fault. */
  readonly report: (message: string, error: unknown) => void;
}

/** A controller that runs. */
export interface Controller {
  /** Resolves when nothing of it is under way. */
  readonly close: () => Promise<void>;
}

/** `metadata.namespace`, empty for cluster-scoped objects. */
export function namespaceOf(object: StoredObject): string {
  return object.metadata.namespace ?? '';
}

/** RFC 3339 with a resolution of one second, as Kubernetes writes times. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Watches resources, each with a listener that adds to the queue what must be looked at, beginning with all there is. */
export class ControllerLoop implements Controller {
  readonly queue: WorkQueue;
  readonly #storage: Storage;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(name: string, context: ControllerContext, reconcile: Reconcile) {
    this.#storage = context.storage;
    this.queue = new WorkQueue(reconcile, (namespace, object, error) => {
      context.report(`controller ${name}: ${namespace === '' ? object : `${namespace}/${object}`}`, error);
    });
  }

  watch(apiVersion: string, plural: string, listener: (event: StorageEvent) => void): void {
    const resource = this.#storage.resource(apiVersion, plural);
    this.#unsubscribe.push(resource.watch(listener));
    for (const object of resource.list()) listener({ type: 'ADDED', object });
  }

  readonly close = async (): Promise<void> => {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.queue.close();
  };
}
