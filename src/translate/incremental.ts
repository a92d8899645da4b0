/** Translation of changes: re-translates only what a change touches, with the result that translating everything would have. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { equalData, sameCertificate, sameUpstreamSecret } from '../model/diff.ts';
import type { EndpointSlice, Ingress, KubeObject } from '../model/objects.ts';
import { SERVICE_NAME_LABEL } from '../model/objects.ts';
import type {
  Certificate,
  CertificateId,
  GroupId,
  RoutingTable,
  Stream,
  StreamId,
  TablePatch,
  UpstreamGroup,
  UpstreamSecret,
  VirtualHost,
} from '../model/table.ts';
import { CATCH_ALL_HOST, certificateId } from '../model/table.ts';
import type { ClusterView } from '../model/view.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { acceptIngress } from './accept.ts';
import { mergeCanaries, Merges } from './balance/canary.ts';
import { CertificateMemo } from './certificate.ts';
import type { DiagnosticsDelta } from './delta.ts';
import { DiagnosticLedger, Dirty, Edits } from './delta.ts';
import { translateGroup } from './group.ts';
import type { HostContext } from './host.ts';
import type { IngressPlan } from './plan.ts';
import { planIngress } from './plan.ts';
import type { Touched } from './plan-index.ts';
import { PlanIndex } from './plan-index.ts';
import { nameOf, objectKey } from './read.ts';
import type { References } from './translate.ts';
import { referencesOf } from './translate.ts';
import { translateName } from './routing/any-host.ts';
import type { ObjectReference } from '../policies/policy.ts';
import { headerConfigMapProblems, isHeaderConfigMap } from '../policies/headers/global-headers.ts';
import { isStreamConfigMap, planStreams } from './streams/plan-streams.ts';
import { translateCertificate } from './tls/select.ts';
import { isUsable, translateUpstreamSecret } from './secrets/upstream-secret.ts';

/** One object appeared, changed or went away. Kinds that translation does not read are ignored. */
export interface ObjectChange {
  readonly kind: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** What changed in the table: a patch without its version. `reset` is false. */
export type TableDelta = Omit<TablePatch, 'version'>;

/** What some changes came to. */
export interface TranslationDelta {
  /** The whole table after the changes; the one before it is untouched. */
  readonly table: RoutingTable;
  readonly delta: TableDelta;
  readonly diagnostics: DiagnosticsDelta;
  /** `references()` may give something else than before. */
  readonly referencesChanged: boolean;
}

/** Keeps the table that belongs to the objects it was told of. */
export class Translator {
  readonly #settings: TranslateSettings;
  readonly #fallbackCertificate: Certificate;
  readonly #memo: CertificateMemo;
  readonly #index: PlanIndex;
  readonly #plans = new Map<string, IngressPlan>();
  readonly #merges = new Merges();
  /** One unit per Ingress, host (with one more for its canaries), group and Secret. */
  readonly #ledger = new DiagnosticLedger();
  /** Usable certificates, those that only `--default-ssl-certificate` names included. */
  readonly #usable = new Map<CertificateId, Certificate>();
  #table: RoutingTable;

  /** `fallbackCertificate` is served unless `--default-ssl-certificate` names a usable Secret. Begin with `load`. */
  constructor(settings: TranslateSettings, fallbackCertificate: Certificate, memo: CertificateMemo = new CertificateMemo()) {
    this.#settings = settings;
    this.#fallbackCertificate = fallbackCertificate;
    this.#memo = memo;
    this.#index = new PlanIndex(settings);
    this.#table = {
      hosts: new Map(),
      groups: new Map(),
      certificates: new Map(),
      streams: new Map(),
      upstreamSecrets: new Map(),
      defaultCertificate: fallbackCertificate,
    };
  }

  /** The table after the last `load` or `apply`. */
  get table(): RoutingTable {
    return this.#table;
  }

  /** All diagnostics, sorted. */
  diagnostics(): readonly Diagnostic[] {
    return this.#ledger.all();
  }

  /** What the accepted Ingresses and the settings name. */
  references(): References {
    return referencesOf(this.#index);
  }

  /** Reads everything there is. To be called once, first. */
  load(view: ClusterView, now: number): TranslationDelta {
    const dirty = new Dirty();
    for (const ingress of view.ingresses()) this.#putIngress(ingress, view, dirty);
    for (const id of this.#index.groups.keys()) dirty.groups.add(id);
    for (const id of this.#index.certificates.keys()) dirty.certificates.add(id);
    for (const id of this.#index.upstreamSecrets.keys()) dirty.upstreamSecrets.add(id);
    dirty.hosts.add(CATCH_ALL_HOST);
    dirty.streams = dirty.headers = true;
    return this.#translate(dirty, view, now, true);
  }

  /** Follows changes that `view` already shows. */
  apply(changes: readonly ObjectChange[], view: ClusterView, now: number): TranslationDelta {
    const dirty = new Dirty();
    let ingressesChanged = false;
    for (const change of changes) {
      switch (change.kind) {
        case 'Ingress':
          ingressesChanged = true;
          if (change.after !== undefined) this.#putIngress(change.after, view, dirty);
          else if (change.before !== undefined) this.#dropIngress(change.before, dirty);
          break;
        case 'Service':
          this.#serviceChanged(change, dirty);
          break;
        case 'EndpointSlice':
          for (const slice of [change.before, change.after]) this.#sliceChanged(slice, dirty);
          break;
        case 'Secret':
          this.#secretChanged(change, dirty);
          break;
        case 'ConfigMap': {
          const name = nameOfEither(change);
          if (name !== null && isStreamConfigMap(name.namespace, name.name, this.#settings)) dirty.streams = true;
          if (name !== null && isHeaderConfigMap(this.#settings, name)) {
            dirty.headers = true;
            this.#markAllHosts(dirty);
          }
          if (name !== null) this.#referenceChanged({ kind: 'ConfigMap', ...name }, dirty);
          break;
        }
        default:
          break;
      }
    }
    // The class decides for Ingresses that did not change themselves.
    if (changes.some(({ kind }) => kind === 'IngressClass')) {
      ingressesChanged = true;
      for (const ingress of view.ingresses()) this.#putIngress(ingress, view, dirty);
    }
    return this.#translate(dirty, view, now, ingressesChanged);
  }

  /** Judges the validity of all certificates anew, as time passes. Changes nothing but diagnostics. */
  judgeValidity(view: ClusterView, now: number): TranslationDelta {
    const dirty = new Dirty();
    for (const id of this.#index.certificates.keys()) dirty.certificates.add(id);
    return this.#translate(dirty, view, now, false);
  }

  #dropIngress(ingress: KubeObject, dirty: Dirty): void {
    const name = nameOf(ingress);
    if (name === null) return;
    const key = objectKey(name.namespace, name.name);
    this.#ledger.set(`Ingress ${key}`, []);
    const plan = this.#plans.get(key);
    if (plan === undefined) return;
    this.#plans.delete(key);
    this.#touch(this.#index.remove(plan), dirty);
  }

  #putIngress(ingress: Ingress, view: ClusterView, dirty: Dirty): void {
    const name = nameOf(ingress);
    if (name === null) return;
    const key = objectKey(name.namespace, name.name);
    const acceptance = acceptIngress(ingress, view.ingressClass, this.#settings);
    const plan = acceptance.accepted ? planIngress(ingress, this.#settings) : null;
    const old = this.#plans.get(key);
    const diagnostics = acceptance.accepted ? (plan?.diagnostics ?? []) : acceptance.diagnostics;
    if (plan !== null && equalData(plan, old)) return;
    this.#ledger.set(`Ingress ${key}`, diagnostics);
    if (old !== undefined) {
      this.#plans.delete(key);
      this.#touch(this.#index.remove(old), dirty);
    }
    if (plan !== null) {
      this.#plans.set(key, plan);
      this.#touch(this.#index.add(plan), dirty);
    }
  }

  #touch({ hosts, groups, certificates, upstreamSecret }: Touched, dirty: Dirty): void {
    for (const host of hosts) this.#markHost(host, dirty);
    for (const id of groups) dirty.groups.add(id);
    for (const id of certificates) dirty.certificates.add(id);
    if (upstreamSecret !== null) dirty.upstreamSecrets.add(upstreamSecret);
  }

  #markHost(host: string, dirty: Dirty): void {
    for (const dependant of this.#index.dependants(host)) dirty.hosts.add(dependant);
  }

  #serviceChanged(change: ObjectChange, dirty: Dirty): void {
    const name = nameOfEither(change);
    if (name === null) return;
    const groups = this.#index.groupsOfService(name.namespace, name.name);
    for (const id of groups) dirty.groups.add(id);
    if ((change.before === undefined) === (change.after === undefined)) return;
    // Routes to a Service that does not exist are answered, not proxied.
    for (const id of groups) {
      const group = this.#index.groups.get(id);
      if (group?.isDefaultBackend === true) this.#markAllHosts(dirty);
      for (const { plan } of group?.references ?? []) this.#markHostsOf(plan, dirty);
    }
  }

  #markAllHosts(dirty: Dirty): void {
    for (const host of this.#table.hosts.keys()) dirty.hosts.add(host);
  }

  #markHostsOf(plan: IngressPlan, dirty: Dirty): void {
    for (const { host } of plan.rules) this.#markHost(host, dirty);
    if (plan.defaultBackend !== null) this.#markHost(CATCH_ALL_HOST, dirty);
  }

  #sliceChanged(slice: EndpointSlice | undefined, dirty: Dirty): void {
    const name = slice === undefined ? null : nameOf(slice);
    const service: unknown = slice?.metadata.labels?.[SERVICE_NAME_LABEL];
    if (name === null || typeof service !== 'string') return;
    for (const id of this.#index.groupsOfService(name.namespace, service)) dirty.groups.add(id);
  }

  #secretChanged(change: ObjectChange, dirty: Dirty): void {
    const name = nameOfEither(change);
    const id = name === null ? undefined : certificateId(name.namespace, name.name);
    if (id === undefined) return;
    if (this.#index.certificates.has(id)) dirty.certificates.add(id);
    if (this.#index.upstreamSecrets.has(id)) dirty.upstreamSecrets.add(id);
    for (const plan of this.#index.plansOfClientCa(id)) this.#markHostsOf(plan, dirty);
    if (name !== null) this.#referenceChanged({ kind: 'Secret', ...name }, dirty);
  }

  #referenceChanged(object: ObjectReference, dirty: Dirty): void {
    for (const plan of this.#index.references.plansOf(object)) this.#markHostsOf(plan, dirty);
  }

  #translate(dirty: Dirty, view: ClusterView, now: number, referencesChanged: boolean): TranslationDelta {
    const streams = this.#translateStreams(dirty, view);
    if (dirty.headers) this.#ledger.set('Headers', headerConfigMapProblems(this.#settings, view.configMap));
    const certificates = this.#translateCertificates(dirty, view, now);
    const secretEdits = this.#translateUpstreamSecrets(dirty, view);
    const upstreamSecrets = secretEdits.next(this.#table.upstreamSecrets);
    const hosts = this.#translateHosts(dirty, view, upstreamSecrets);
    const hostTable = hosts.next(this.#table.hosts);
    // After the hosts, whose routes canaries are alternatives to, and before the groups, which have them.
    for (const host of dirty.hosts) {
      const { conformance } = this.#settings;
      const found = mergeCanaries(host, hostTable.get(host) ?? null, this.#index.canariesOf(host), conformance);
      this.#ledger.set(`Canaries ${host}`, found.diagnostics);
      for (const id of this.#merges.set(host, found.merges)) dirty.groups.add(id);
    }
    const groups = this.#translateGroups(dirty, view);
    const named = this.#settings.defaultSslCertificate;
    const chosen = named === null ? undefined : this.#usable.get(certificateId(named.namespace, named.name));
    const before = this.#table.defaultCertificate;
    const wanted = chosen ?? this.#fallbackCertificate;
    const keep = sameCertificate(wanted, before);
    this.#table = {
      hosts: hostTable,
      groups: groups.next(this.#table.groups),
      certificates: certificates.next(this.#table.certificates),
      streams: streams.next(this.#table.streams),
      upstreamSecrets,
      defaultCertificate: keep ? before : wanted,
    };
    return {
      table: this.#table,
      delta: {
        reset: false,
        hosts: hosts.put,
        removedHosts: hosts.removed,
        groups: groups.put,
        removedGroups: groups.removed,
        certificates: certificates.put,
        removedCertificates: certificates.removed,
        streams: streams.put,
        removedStreams: streams.removed,
        upstreamSecrets: secretEdits.put,
        removedUpstreamSecrets: secretEdits.removed,
        defaultCertificate: keep ? null : wanted,
      },
      diagnostics: this.#ledger.takeDelta(),
      referencesChanged,
    };
  }

  /** First, because it says which groups there are. */
  #translateStreams(dirty: Dirty, view: ClusterView): Edits<StreamId, Stream> {
    const edits = new Edits<StreamId, Stream>();
    if (!dirty.streams) return edits;
    const { streams, references, diagnostics } = planStreams(view, this.#settings);
    this.#ledger.set('Streams', diagnostics);
    for (const id of this.#index.setStreams(references)) dirty.groups.add(id);
    for (const id of new Set([...this.#table.streams.keys(), ...streams.keys()]))
      edits.change(id, this.#table.streams.get(id), streams.get(id));
    return edits;
  }

  #translateCertificates(dirty: Dirty, view: ClusterView, now: number): Edits<CertificateId, Certificate> {
    const edits = new Edits<CertificateId, Certificate>();
    for (const id of dirty.certificates) {
      const request = this.#index.certificates.get(id);
      if (request === undefined) this.#memo.forget(id);
      const translated = request === undefined ? null : translateCertificate(request, view, now, this.#memo);
      this.#ledger.set(`Secret ${id}`, translated?.diagnostics ?? []);
      const old = this.#usable.get(id);
      const fresh = translated?.certificate ?? undefined;
      const same = old === fresh || (old !== undefined && fresh !== undefined && sameCertificate(old, fresh));
      const certificate = same ? old : fresh;
      if (!same) {
        if (certificate === undefined) this.#usable.delete(id);
        else this.#usable.set(id, certificate);
        for (const { plan } of request?.references ?? []) this.#markHostsOf(plan, dirty);
      }
      edits.change(id, this.#table.certificates.get(id), request?.references.length === 0 ? undefined : certificate);
    }
    return edits;
  }

  #translateUpstreamSecrets(dirty: Dirty, view: ClusterView): Edits<CertificateId, UpstreamSecret> {
    const edits = new Edits<CertificateId, UpstreamSecret>();
    for (const id of dirty.upstreamSecrets) {
      const request = this.#index.upstreamSecrets.get(id);
      const translated = request === undefined ? null : translateUpstreamSecret(request, view);
      this.#ledger.set(`Upstream secret ${id}`, translated?.diagnostics ?? []);
      const before = this.#table.upstreamSecrets.get(id);
      const fresh = translated?.secret ?? undefined;
      edits.change(
        id,
        before,
        before !== undefined && fresh !== undefined && sameUpstreamSecret(before, fresh) ? before : fresh,
      );
      // Without it they are denied.
      for (const { plan } of request?.references ?? []) this.#markHostsOf(plan, dirty);
    }
    return edits;
  }

  #translateGroups(dirty: Dirty, view: ClusterView): Edits<GroupId, UpstreamGroup> {
    const edits = new Edits<GroupId, UpstreamGroup>();
    for (const id of dirty.groups) {
      const request = this.#index.groups.get(id);
      const translated = request === undefined ? null : translateGroup(request, this.#merges.of(id), view, this.#settings);
      this.#ledger.set(`Group ${id}`, translated?.diagnostics ?? []);
      edits.change(id, this.#table.groups.get(id), translated?.group);
    }
    return edits;
  }

  #translateHosts(
    dirty: Dirty,
    view: ClusterView,
    upstreamSecrets: ReadonlyMap<CertificateId, UpstreamSecret>,
  ): Edits<string, VirtualHost> {
    const edits = new Edits<string, VirtualHost>();
    const context: HostContext = {
      settings: this.#settings,
      plansOf: (host) => this.#index.plansOf(host),
      serviceExists: (namespace, name) => view.service(namespace, name) !== undefined,
      certificate: (namespace, secret) => this.#usable.get(certificateId(namespace, secret)) ?? null,
      upstreamSecretUsable: (id, needsCa) => isUsable(upstreamSecrets.get(id), needsCa),
      secret: (namespace, name) => view.secret(namespace, name),
      configMap: (namespace, name) => view.configMap(namespace, name),
    };
    for (const host of dirty.hosts) {
      const translated = translateName(host, context);
      this.#ledger.set(`Host ${host}`, translated?.diagnostics ?? []);
      edits.change(host, this.#table.hosts.get(host), translated?.host);
    }
    return edits;
  }
}

function nameOfEither({ before, after }: ObjectChange): ReturnType<typeof nameOf> {
  const object = after ?? before;
  return object === undefined ? null : nameOf(object);
}
