/** Of Secrets and ConfigMaps only what is referenced is kept. A reference to one whose content was not kept is looked up. */
import type { Logger } from '../observe/log.ts';
import type { ObjectKey } from './cluster.ts';
import { toApiError } from './http/api-error.ts';
import type { ApiError } from './http/api-error.ts';
import type { KubeClient } from './http/kube-client.ts';
import { NamespacedMap } from './namespaced-map.ts';
import type { Reflector } from './watch/reflector.ts';
import { RESOURCES, objectPath } from './resources.ts';
import type { ObjectStore } from './store.ts';
import { createBackoff } from './timing.ts';
import type { Backoff, Timing } from './timing.ts';

/** Lookups under way at once. */
const PARALLEL = 8;

interface ReferencesOptions {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly timing: Timing;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The list+watch that covers an object, if any does. */
  readonly reflectorOf: (key: ObjectKey) => Reflector | undefined;
  /** Called whenever a lookup has come to an end. */
  readonly onProgress: () => void;
}

/** `queued`, `running`, `retrying`: not looked up yet. `refused`: 403. `done`: in the store, or it does not exist. */
type Lookup = { readonly key: ObjectKey; state: 'queued' | 'running' | 'retrying' | 'refused' | 'done' };

/** The referenced objects of one kind. */
export class References {
  readonly #options: ReferencesOptions;
  readonly #backoff: Backoff;
  #wanted = new NamespacedMap<Lookup>();
  #running = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ReferencesOptions) {
    this.#options = options;
    this.#backoff = createBackoff(options.timing);
    options.signal.addEventListener('abort', () => this.#cancelRetry?.(), { once: true });
  }

  /** Replaces what is referenced. */
  readonly set = (keys: readonly ObjectKey[]): void => {
    const { store, kind } = this.#options;
    const before = this.#wanted;
    const wanted = new NamespacedMap<Lookup>();
    for (const key of keys) {
      const lookup = before.get(key.namespace, key.name) ?? { key, state: 'queued' };
      wanted.set(key.namespace, key.name, lookup);
    }
    this.#wanted = wanted;
    for (const [namespace, name] of before.entries()) {
      // A listener that hears of a removal may have set the references anew.
      if (!this.#wanted.has(namespace, name)) {
        store.remove(kind, namespace, name);
      }
    }
    this.pump();
  };

  wants(namespace: string, name: string): boolean {
    return this.#wanted.has(namespace, name);
  }

  /** True when everything referenced was looked up, found or not. */
  settled(): boolean {
    return this.#wanted.values().every(({ state }) => state === 'done' || state === 'refused');
  }

  /** A list is complete: what the server refused before may be allowed now. */
  relisted(): void {
    for (const lookup of this.#wanted.values()) {
      if (lookup.state === 'refused') {
        lookup.state = 'queued';
      }
    }
    this.pump();
  }

  /** Goes on with what is queued; also to be called when a list failed, because it may never succeed. */
  pump(): void {
    let progress = false;
    for (const lookup of this.#wanted.values()) {
      if (this.#running >= PARALLEL || this.#options.signal.aborted) {
        break;
      }
      if (lookup.state === 'queued') {
        const step = this.#decide(lookup.key);
        if (step === 'get') {
          void this.#look(lookup);
        } else if (step === 'done') {
          lookup.state = 'done';
          progress = true;
        }
      }
    }
    if (progress) {
      this.#options.onProgress();
    }
  }

  /** A watch that is in step knows what exists, so only what it dropped is asked for; the first list is waited for, as it may bring everything. */
  #decide({ namespace, name }: ObjectKey): 'get' | 'wait' | 'done' {
    const { store, kind, log, reflectorOf } = this.#options;
    // At the end of a URL's path these are no names: another resource would be asked for.
    if (name === '.' || name === '..') {
      return 'done';
    }
    const reflector = reflectorOf({ namespace, name });
    if (!reflector) {
      log.warn({ kind, namespace, name }, 'a reference leads out of the watched namespace and is not followed');
      return 'done';
    }
    if (store.get(kind, namespace, name)) {
      return 'done';
    }
    if (reflector.state === 'starting') {
      return 'wait';
    }
    return reflector.state === 'watching' && reflector.listed && !reflector.knows(namespace, name) ? 'done' : 'get';
  }

  /** Never rejects. */
  async #look(lookup: Lookup): Promise<void> {
    const { client, kind, signal, reflectorOf } = this.#options;
    const { namespace, name } = lookup.key;
    lookup.state = 'running';
    this.#running += 1;
    try {
      const found = await client.request({ path: objectPath(RESOURCES[kind], namespace, name), signal });
      lookup.state = 'done';
      if (this.#wanted.get(namespace, name) === lookup) {
        reflectorOf(lookup.key)?.observe(found);
      }
      this.#backoff.reset();
    } catch (error) {
      this.#failed(lookup, toApiError(error, kind));
    }
    this.#running -= 1;
    if (!signal.aborted) {
      this.#options.onProgress();
      this.pump();
    }
  }

  #failed(lookup: Lookup, error: ApiError): void {
    const { kind, log, timing, signal } = this.#options;
    if (error.status === 404) {
      // Should it come to exist, the watch shows it.
      lookup.state = 'done';
      return;
    }
    lookup.state = error.status === 403 ? 'refused' : 'retrying';
    if (signal.aborted) {
      return;
    }
    // One line for all that fail together.
    log[this.#cancelRetry ? 'debug' : 'warn'](
      { kind, ...lookup.key, error },
      'a referenced object cannot be read; trying again',
    );
    if (!this.#cancelRetry) {
      const wait = Math.max(this.#backoff.next(error.retryAfter ?? 0), error.status === 403 ? 10_000 : 0);
      this.#cancelRetry = timing.after(wait, () => {
        this.#cancelRetry = undefined;
        this.#again();
      });
    }
  }

  #again(): void {
    for (const lookup of this.#wanted.values()) {
      if (lookup.state === 'retrying' || lookup.state === 'refused') {
        lookup.state = 'queued';
      }
    }
    this.pump();
  }
}
