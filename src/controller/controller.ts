/** The loop of the control plane: what changed → translate what depends on it → diff → publish → report. */
import type { Change, Cluster, ObjectKey } from '../cluster/cluster.ts';
import { diffTables, isEmptyPatch } from '../model/diff.ts';
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import type { Ingress } from '../model/objects.ts';
import type { Certificate, RoutingTable, TablePatch } from '../model/table.ts';
import type { ClusterView } from '../model/view.ts';
import type { Logger } from '../observe/log.ts';
import type { DataPlane } from '../proxy/data-plane.ts';
import type { Settings } from '../settings/settings.ts';
import { acceptIngress } from '../translate/accept.ts';
import { CertificateMemo } from '../translate/certificate.ts';
import { type TranslationDelta, Translator } from '../translate/incremental.ts';
import { LiveSettings } from './live-settings.ts';
import { type Clock, Loop } from './loop.ts';
import type { ControllerMetrics } from './metrics.ts';
import { referencedConfigMaps, referencedObjects, type ReferencedObjects } from './references.ts';
import { type EmitEvent, Reporter } from './report.ts';
import type { ControllerState } from './snapshot.ts';
import { malformedDiagnostics } from './malformed.ts';
import { streamPortDiagnostics } from './stream-ports.ts';
import { clusterView } from './view.ts';

interface ControllerOptions {
  readonly cluster: Cluster;
  readonly dataPlane: Pick<DataPlane, 'publish' | 'configure' | 'streamPorts'>;
  /** Those of the flags; the ConfigMap comes over them. */
  readonly settings: Settings;
  /** Served unless `--default-ssl-certificate` names a usable Secret. */
  readonly defaultCertificate: Certificate;
  readonly emit: EmitEvent;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
}

/** Certificates come of age and expire without any change: they are judged anew so often. */
const VALIDITY_INTERVAL_MS = 3_600_000;

/** A change of the cluster, or nothing of it: the passing of time, a port that cannot be listened on. */
type Cause = Change | { readonly kind: 'Time' };

/** Serves the cluster's Ingresses until it is stopped. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #view: ClusterView;
  readonly #settings: LiveSettings;
  readonly #loop: Loop<Cause>;
  readonly #reporter: Reporter;
  readonly #memo = new CertificateMemo();
  readonly #published = Promise.withResolvers<void>();
  #unsubscribe: (() => void) | null = null;
  #cancelValidity: (() => void) | null = null;
  /** Null before the first pass; replaced by a new one for a pass over everything. */
  #translator: Translator | null = null;
  /** All diagnostics of the translator; sorted, which is why they are kept. */
  #translated: readonly Diagnostic[] = [];
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
    const { cluster, dataPlane } = this.#options;
    this.#unsubscribe = cluster.onChange(this.#onChange);
    this.#referenceObjects();
    dataPlane.streamPorts.watch(() => this.#loop.add({ kind: 'Time' }));
    cluster.start();
    void this.#startWhenSynced();
  }

  async #startWhenSynced(): Promise<void> {
    await this.#options.cluster.synced;
    this.#synced = true;
    this.#loop.start();
    this.#announceAll();
    this.#judgeValidityLater();
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
    this.#cancelValidity?.();
    this.#loop.stop();
    this.#reporter.stop();
  }

  readonly #onChange = (change: Change): void => {
    if (!this.#synced) {
      if (change.kind === 'Ingress' || change.kind === 'IngressClass') this.#referenceObjectsSoon();
      return;
    }
    this.#loop.add(change);
    if (change.kind === 'Ingress' && change.after !== undefined) this.#announce(change.after);
  };

  /** Once for all changes of one turn of the event loop: the first listing brings thousands. */
  #referenceObjectsSoon(): void {
    if (this.#referencesPending) return;
    this.#referencesPending = true;
    queueMicrotask(() => {
      this.#referencesPending = false;
      if (!this.#synced) this.#referenceObjects();
    });
  }

  #referenceObjects(): void {
    this.#reference(referencedObjects(this.#view, this.#settings.current));
  }

  #reference({ secrets, configMaps }: ReferencedObjects): void {
    const { cluster, settings } = this.#options;
    cluster.referenceSecrets(secrets);
    cluster.referenceConfigMaps([...referencedConfigMaps(settings), ...configMaps]);
  }

  readonly #pass = (causes: readonly Cause[] | null): void => {
    const { cluster, dataPlane, metrics, clock, log } = this.#options;
    const began = clock.now();
    const anew = this.#followSettings(causes);
    const { delta, table, referencesChanged, diagnostics: news, translator } = this.#translate(anew ? null : causes);
    if (delta === null || news.added.length > 0 || news.removed.length > 0) this.#translated = translator.diagnostics();
    if (referencesChanged) this.#reference(translator.references());

    const version = this.#version + 1;
    const patch: TablePatch =
      this.#served !== null && delta !== null ? { version, ...delta } : diffTables(this.#served, table, version);
    const publish = !isEmptyPatch(patch);
    if (publish) {
      this.#served = null;
      this.#version = version;
      dataPlane.publish(table, patch);
      log.debug({ version, hosts: patch.hosts.length, groups: patch.groups.length, causes: causes?.length }, 'published');
    }
    this.#served = table;
    const diagnostics: readonly Diagnostic[] = [
      ...this.#settings.diagnostics,
      ...malformedDiagnostics(cluster, () => translator.references().services, this.#settings.current),
      ...this.#translated,
      ...streamPortDiagnostics(dataPlane.streamPorts.problems(), this.#view, this.#settings.current.translate),
    ];
    this.#state = {
      table,
      version: this.#version,
      publishedAt: publish ? this.#options.wallClock() : this.#state.publishedAt,
      healthy: true,
      diagnostics,
      settings: this.#settings.current,
    };
    this.#published.resolve();
    this.#reporter.update(diagnostics);
    metrics.passSucceeded((clock.now() - began) / 1000);
  };

  /** The table after the causes; `delta` is null when everything was translated anew. */
  #translate(causes: readonly Cause[] | null): Translated {
    const now = this.#options.wallClock();
    let translator = this.#translator;
    if (translator === null || causes === null) {
      translator = new Translator(this.#settings.current.translate, this.#options.defaultCertificate, this.#memo);
      this.#translator = translator;
      return { ...translator.load(this.#view, now), delta: null, translator };
    }
    const changes = causes.filter((cause) => cause.kind !== 'Time');
    // Both are asked for in one pass only by chance, once an hour.
    if (changes.length < causes.length && changes.length > 0) return this.#translate(null);
    const result = changes.length > 0 ? translator.apply(changes, this.#view, now) : translator.judgeValidity(this.#view, now);
    return { ...result, translator };
  }

  #judgeValidityLater(): void {
    this.#cancelValidity = this.#options.clock.after(VALIDITY_INTERVAL_MS, () => {
      this.#loop.add({ kind: 'Time' });
      this.#judgeValidityLater();
    });
  }

  /** Reads the ConfigMap again if it may have changed. True when everything has to be translated anew. */
  #followSettings(causes: readonly Cause[] | null): boolean {
    const key = this.#options.settings.controller.configMap;
    if (key === null || (causes !== null && !touches(causes, key))) return causes === null;
    const { cluster, dataPlane, emit, log } = this.#options;
    const reading = this.#settings.read(cluster.cache);
    const configMap = cluster.cache.get('ConfigMap', key.namespace, key.name);
    const name = `${key.namespace}/${key.name}`;
    if (configMap === undefined) log.warn({ configMap: name }, 'the ConfigMap does not exist; defaults are in force');
    else if (causes !== null || !this.#configMapSeen) {
      // ingress-nginx's Events on its ConfigMap.
      emit(
        { apiVersion: 'v1', kind: 'ConfigMap', ...key, ...uidOf(configMap) },
        'Normal',
        this.#configMapSeen ? 'UPDATE' : 'CREATE',
        `ConfigMap ${name}`,
      );
    }
    this.#configMapSeen = configMap !== undefined;
    if (reading.changed.proxy) dataPlane.configure(reading.settings.proxy);
    this.#settings.accept(reading);
    return causes === null || reading.changed.translate;
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

type Translated = Omit<TranslationDelta, 'delta'> & {
  readonly delta: TranslationDelta['delta'] | null;
  readonly translator: Translator;
};

function touches(causes: readonly Cause[], { namespace, name }: ObjectKey): boolean {
  return causes.some((cause) => {
    if (cause.kind !== 'ConfigMap') return false;
    const { metadata } = cause.after ?? cause.before ?? {};
    return metadata?.name === name && metadata.namespace === namespace;
  });
}

function uidOf({ metadata: { uid } }: Ingress | { readonly metadata: { readonly uid?: string } }): { readonly uid?: string } {
  return uid === undefined ? {} : { uid };
}
