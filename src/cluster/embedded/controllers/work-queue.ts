/** A queue of objects to look at again, as Kubernetes controllers have one: https://pkg.go.dev/k8s.io/client-go/util/workqueue. */

/** Brings the world in line with one object. What it throws is reported, and the object is tried again later. */
export type Reconcile = (namespace: string, name: string) => void | Promise<void>;

/** Told of every failed attempt. */
type ReportFailure = (namespace: string, name: string, error: unknown) => void;

interface Item {
  readonly namespace: string;
  readonly name: string;
  state: 'idle' | 'queued' | 'running';
  again: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 30_000;

/**
 * Calls `reconcile` once per object however often it was added meanwhile, never twice at a time for the same object, and again
 * after a failure, waiting twice as long each time (10 ms to 30 s).
 */
export class WorkQueue {
  readonly #reconcile: Reconcile;
  readonly #report: ReportFailure;
  readonly #items = new Map<string, Map<string, Item>>();
  readonly #running = new Set<Promise<void>>();
  #queued: Item[] = [];
  #flush: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(reconcile: Reconcile, report: ReportFailure) {
    this.#reconcile = reconcile;
    this.#report = report;
  }

  add(namespace: string, name: string): void {
    if (!this.#closed) this.#enqueue(this.#item(namespace, name));
  }

  /** Adds the object after a while, or earlier when it was to be added earlier. */
  addAfter(namespace: string, name: string, delayMs: number): void {
    if (this.#closed) return;
    const item = this.#item(namespace, name);
    clearTimeout(item.timer);
    item.timer = setTimeout(() => {
      item.timer = undefined;
      this.#enqueue(item);
    }, delayMs);
  }

  /** Takes nothing in any more and resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearImmediate(this.#flush);
    for (const items of this.#items.values()) for (const item of items.values()) clearTimeout(item.timer);
    this.#items.clear();
    this.#queued = [];
    await Promise.all(this.#running);
  }

  #item(namespace: string, name: string): Item {
    let items = this.#items.get(namespace);
    if (!items) this.#items.set(namespace, (items = new Map()));
    let item = items.get(name);
    if (!item) items.set(name, (item = { namespace, name, state: 'idle', again: false, failures: 0, timer: undefined }));
    return item;
  }

  #enqueue(item: Item): void {
    if (item.state === 'running') item.again = true;
    if (item.state !== 'idle') return;
    item.state = 'queued';
    this.#queued.push(item);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      for (const next of this.#queued.splice(0)) this.#run(next);
    });
  }

  #run(item: Item): void {
    item.state = 'running';
    try {
      const result = this.#reconcile(item.namespace, item.name);
      if (!result) {
        this.#done(item);
        return;
      }
      const running: Promise<void> = result.then(
        () => this.#done(item),
        (error: unknown) => this.#done(item, error),
      );
      this.#running.add(running);
      void running.finally(() => this.#running.delete(running));
    } catch (error) {
      this.#done(item, error);
    }
  }

  #done(item: Item, ...failed: [] | [unknown]): void {
    item.state = 'idle';
    const again = item.again;
    item.again = false;
    if (this.#closed) return;
    if (failed.length > 0) {
      this.#report(item.namespace, item.name, failed[0]);
      this.addAfter(item.namespace, item.name, Math.min(FIRST_RETRY_MS * 2 ** Math.min(item.failures, 20), LAST_RETRY_MS));
      item.failures += 1;
    } else {
      item.failures = 0;
    }
    if (again) this.#enqueue(item);
    else if (item.timer === undefined) this.#forget(item);
  }

  #forget(item: Item): void {
    const items = this.#items.get(item.namespace);
    items?.delete(item.name);
    if (items?.size === 0) this.#items.delete(item.namespace);
  }
}
