/** The loop of the control plane: what changed → translate what depends on it → diff → publish → report. */
import type { Change, Cluster } from '../cluster/cluster.ts';
import { diffTables, isEmptyPatch } from '../model/diff.ts';
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import type { Ingress } from '../model/objects.ts';
import type { RoutingTable } from '../model/table.ts';
import type { ClusterView } from '../model/view.ts';
import type { Logger } from '../observe/log.ts';
import type { DataPlane } from '../proxy/data-plane.ts';
import type { Settings } from '../settings/settings.ts';
import { acceptIngress } from '../translate/accept.ts';
import { LiveSettings } from './live-settings.ts';
import { type Clock, Loop } from './loop.ts';
import type { ControllerMetrics } from './metrics.ts';
import { referencedConfigMaps, referencedSecrets } from './references.ts';
import { type EmitEvent, Reporter } from './report.ts';
import type { ControllerState } from './snapshot.ts';
import type { TableSource } from './table-source.ts';
import { clusterView } from './view.ts';

export interface ControllerOptions {
  readonly cluster: Cluster;
  readonly dataPlane: Pick<DataPlane, 'publish' | 'configure'>;
  /** Those of the flags; the ConfigMap comes over them. */
  readonly settings: Settings;
  readonly source: TableSource;
  readonly emit: EmitEvent;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
}

/** Serves the cluster's Ingresses until it is stopped. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #view: ClusterView;
  readonly #settings: LiveSettings;
  readonly #loop: Loop<Change>;
  readonly #reporter: Reporter;
  readonly #published = Promise.withResolvers<void>();
  #unsubscribe: (() => void) | null = null;
  #synced = false;
  #referencesPending = false;
  #configMapSeen = false;
  /** What the workers have; null when that is not certain, so that the next patch resets them. */
  #served: RoutingTable | null = null;
  /** Of the last patch that was made, published or not. */
  #version = 0;
  #state: ControllerState;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#view = clusterView(options.cluster.cache);
    this.#settings = new LiveSettings(options.settings);
    this.#loop = new Loop({ pass: this.#pass, failed: this.#failed, clock: options.clock });
    this.#reporter = new Reporter({ ...options, exists: this.#exists });
    this.#state = { table: null, version: 0, publishedAt: null, healthy: true, diagnostics: [], settings: options.settings };
  }

  /** Starts the cluster's watches. Nothing is published before all of them have listed once. */
  start(): void {
    const { cluster } = this.#options;
    this.#unsubscribe = cluster.onChange(this.#onChange);
    cluster.referenceConfigMaps(referencedConfigMaps(this.#options.settings));
    this.#referenceSecrets();
    cluster.start();
    void this.#startWhenSynced();
  }

  async #startWhenSynced(): Promise<void> {
    await this.#options.cluster.synced;
    this.#synced = true;
    this.#loop.start();
    this.#announceAll();
  }

  /** Resolves when the first table was handed to the data plane. */
  get published(): Promise<void> {
    return this.#published.promise;
  }

  state(): ControllerState {
    return this.#state;
  }

  /** No pass after this. The cluster's watches are not the controller's to stop. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#loop.stop();
    this.#reporter.stop();
  }

  readonly #onChange = (change: Change): void => {
    if (!this.#synced) {
      if (change.kind === 'Ingress' || change.kind === 'IngressClass') this.#referenceSecretsSoon();
      return;
    }
    this.#loop.add(change);
    if (change.kind === 'Ingress' && change.after !== undefined) this.#announce(change.after);
  };

  /** Once for all changes of one turn of the event loop: the first listing brings thousands. */
  #referenceSecretsSoon(): void {
    if (this.#referencesPending) return;
    this.#referencesPending = true;
    queueMicrotask(() => {
      this.#referencesPending = false;
      if (!this.#synced) this.#referenceSecrets();
    });
  }

  #referenceSecrets(): void {
    this.#options.cluster.referenceSecrets(referencedSecrets(this.#view, this.#settings.current));
  }

  readonly #pass = (changes: readonly Change[] | null): void => {
    const { dataPlane, source, metrics, clock, log } = this.#options;
    const began = clock.now();
    const anew = this.#followSettings(changes);
    if (anew || touches(changes, 'Ingress') || touches(changes, 'IngressClass')) this.#referenceSecrets();

    const { table, diagnostics } = source.translate(this.#view, this.#settings.current.translate, anew ? null : changes);
    const patch = diffTables(this.#served, table, this.#version + 1);
    const publish = this.#served === null || !isEmptyPatch(patch);
    if (publish) {
      this.#served = null;
      this.#version = patch.version;
      dataPlane.publish(table, patch);
      this.#served = table;
      log.debug(
        { version: patch.version, hosts: patch.hosts.length, groups: patch.groups.length, changes: changes?.length },
        'published',
      );
    }
    const all: readonly Diagnostic[] = [...this.#settings.diagnostics, ...diagnostics];
    this.#state = {
      table,
      version: this.#version,
      publishedAt: publish ? this.#options.wallClock() : this.#state.publishedAt,
      healthy: true,
      diagnostics: all,
      settings: this.#settings.current,
    };
    this.#published.resolve();
    this.#reporter.update(all);
    metrics.passSucceeded((clock.now() - began) / 1000);
  };

  /** Reads the ConfigMap again if it may have changed. True when everything has to be translated anew. */
  #followSettings(changes: readonly Change[] | null): boolean {
    const key = this.#options.settings.controller.configMap;
    if (key === null || (changes !== null && !touches(changes, 'ConfigMap'))) return changes === null;
    const { cluster, dataPlane, emit, log } = this.#options;
    const changed = this.#settings.refresh(cluster.cache);
    const configMap = cluster.cache.get('ConfigMap', key.namespace, key.name);
    const name = `${key.namespace}/${key.name}`;
    if (configMap === undefined) log.warn({ configMap: name }, 'the ConfigMap does not exist; defaults are in force');
    else if (changes !== null || !this.#configMapSeen) {
      // ingress-nginx's Events on its ConfigMap.
      emit(
        { apiVersion: 'v1', kind: 'ConfigMap', ...key, ...uidOf(configMap) },
        'Normal',
        this.#configMapSeen ? 'UPDATE' : 'CREATE',
        `ConfigMap ${name}`,
      );
    }
    this.#configMapSeen = configMap !== undefined;
    if (changed.proxy) dataPlane.configure(this.#settings.current.proxy);
    return changes === null || changed.translate;
  }

  readonly #failed = (error: unknown, retryIn: number): void => {
    this.#state = { ...this.#state, healthy: false };
    this.#options.metrics.passFailed();
    this.#options.log.error({ error, retryIn }, 'a pass of the controller failed; the last table keeps serving');
  };

  #announceAll(): void {
    if (this.#options.settings.controller.disableSyncEvents) return;
    for (const ingress of this.#view.ingresses()) this.#announce(ingress);
  }

  /** ingress-nginx's Event on each Ingress of ours that it takes up. */
  #announce(ingress: Ingress): void {
    const { settings, emit } = this.#options;
    if (settings.controller.disableSyncEvents) return;
    if (!acceptIngress(ingress, this.#view.ingressClass, this.#settings.current.translate).accepted) return;
    const { name, namespace = 'default' } = ingress.metadata;
    const ref: ObjectRef = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace, name, ...uidOf(ingress) };
    emit(ref, 'Normal', 'Sync', 'Scheduled for sync');
  }

  readonly #exists = ({ kind, namespace, name }: ObjectRef): boolean => {
    const { cache } = this.#options.cluster;
    switch (kind) {
      case 'Ingress':
      case 'IngressClass':
      case 'Service':
      case 'EndpointSlice':
      case 'Secret':
      case 'ConfigMap':
        return cache.get(kind, namespace, name) !== undefined;
      default:
        return false;
    }
  };
}

function touches(changes: readonly Change[] | null, kind: Change['kind']): boolean {
  return changes?.some((change) => change.kind === kind) ?? true;
}

function uidOf({ metadata: { uid } }: Ingress | { readonly metadata: { readonly uid?: string } }): { readonly uid?: string } {
  return uid === undefined ? {} : { uid };
}
