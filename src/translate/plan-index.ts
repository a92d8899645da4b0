/** The accepted Ingresses by what they touch: hosts, upstream groups, Secrets. Kept up to date one Ingress at a time. */
import type { CertificateId, GroupId, StreamProtocol } from '../model/table.ts';
import { CATCH_ALL_HOST, certificateId, groupId, udpGroupId } from '../model/table.ts';
import type { SecretName } from '../policies/tls/client-certificate.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { wildcardOf } from './hosts.ts';
import type { IngressPlan } from './plan.ts';
import { backendsOf, canaryHostsOf, comparePlans, hostsOf } from './plan.ts';
import { objectKey } from './read.ts';
import { AliasIndex } from './routing/aliases.ts';
import { wwwRelatives } from './routing/www-redirect.ts';
import { PolicyReferences } from './policy-references.ts';
import type { StreamReference } from './streams/plan-streams.ts';

/** One Ingress that names something, and all the fields in which it does. */
export interface Reference {
  readonly plan: IngressPlan;
  readonly fields: readonly string[];
}

/** A Service port that something names. `references` has the oldest Ingress first. */
export interface GroupRequest {
  readonly id: GroupId;
  readonly namespace: string;
  readonly service: string;
  /** A number in decimal, a name, or empty for the first port. */
  readonly port: string;
  readonly references: readonly Reference[];
  /** It is `--default-backend-service`. */
  readonly isDefaultBackend: boolean;
  readonly protocol: StreamProtocol;
  /** The TCP or UDP services that name it. */
  readonly streams: readonly StreamReference[];
}

/** A Secret that something names as certificate. */
export interface CertificateRequest {
  readonly id: CertificateId;
  readonly namespace: string;
  readonly secret: string;
  readonly references: readonly Reference[];
  /** It is `--default-ssl-certificate`. */
  readonly isDefaultCertificate: boolean;
}

/** A Secret that something names for TLS to its backends. */
export type UpstreamSecretRequest = Omit<CertificateRequest, 'isDefaultCertificate'>;

/** What adding or removing an Ingress touched. */
export interface Touched {
  /** Those it has a part in, and those it is a canary for. */
  readonly hosts: ReadonlySet<string>;
  readonly groups: ReadonlySet<GroupId>;
  readonly certificates: ReadonlySet<CertificateId>;
  /** At most one: that of `proxy-ssl-secret`. */
  readonly upstreamSecret: CertificateId | null;
}

const NONE: readonly IngressPlan[] = [];

/** Where the plan is, or would be, in a list that is sorted by age. */
function position<T>(list: readonly T[], plan: IngressPlan, planOf: (item: T) => IngressPlan): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = list[middle];
    if (item !== undefined && comparePlans(planOf(item), plan) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function groupFields<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  fieldOf: (item: T) => string,
): Map<string, [T, string[]]> {
  const grouped = new Map<string, [T, string[]]>();
  for (const item of items) {
    const entry = grouped.get(keyOf(item));
    if (entry === undefined) grouped.set(keyOf(item), [item, [fieldOf(item)]]);
    else entry[1].push(fieldOf(item));
  }
  return grouped;
}

type Mutable<R extends { references: readonly Reference[] }> = Omit<R, 'references'> & { references: Reference[] };

/** The index. `add` and `remove` take a plan that is not, respectively is, in it. */
export class PlanIndex {
  readonly settings: TranslateSettings;
  readonly #hosts = new Map<string, IngressPlan[]>();
  readonly #canaries = new Map<string, IngressPlan[]>();
  readonly #children = new Map<string, Set<string>>();
  readonly #groups = new Map<GroupId, Mutable<{ -readonly [K in keyof GroupRequest]: GroupRequest[K] }>>();
  readonly #groupsOfService = new Map<string, Set<GroupId>>();
  readonly #certificates = new Map<CertificateId, Mutable<CertificateRequest>>();
  readonly #upstreamSecrets = new Map<CertificateId, Mutable<UpstreamSecretRequest>>();
  /** The Ingresses that ask for client certificates, by the Secret with the authorities. */
  readonly #clientCas = new Map<CertificateId, { readonly name: SecretName; readonly plans: Set<IngressPlan> }>();

  readonly #aliases = new AliasIndex();

  readonly references = new PolicyReferences();

  constructor(settings: TranslateSettings) {
    this.settings = settings;
    const { defaultBackendService, defaultSslCertificate } = settings;
    if (defaultBackendService !== null) {
      this.#group(defaultBackendService.namespace, defaultBackendService.name, '').isDefaultBackend = true;
    }
    if (defaultSslCertificate !== null) {
      this.#certificate(defaultSslCertificate.namespace, defaultSslCertificate.name).isDefaultCertificate = true;
    }
  }

  /** The hosts that an Ingress has a part in; the catch-all host may be missing. */
  get hosts(): ReadonlyMap<string, readonly IngressPlan[]> {
    return this.#hosts;
  }

  get groups(): ReadonlyMap<GroupId, GroupRequest> {
    return this.#groups;
  }

  get certificates(): ReadonlyMap<CertificateId, CertificateRequest> {
    return this.#certificates;
  }

  get upstreamSecrets(): ReadonlyMap<CertificateId, UpstreamSecretRequest> {
    return this.#upstreamSecrets;
  }

  /** The Ingresses of a host, oldest first. */
  plansOf(host: string): readonly IngressPlan[] {
    return this.#hosts.get(host) ?? NONE;
  }

  /** The hosts that there is a canary for. */
  get canaryHosts(): Iterable<string> {
    return this.#canaries.keys();
  }

  /** The canaries for a host, oldest first. */
  canariesOf(host: string): readonly IngressPlan[] {
    return this.#canaries.get(host) ?? NONE;
  }

  /** The Ingresses that take the authorities of client certificates from this Secret. */
  plansOfClientCa(id: CertificateId): Iterable<IngressPlan> {
    return this.#clientCas.get(id)?.plans ?? NONE;
  }

  /** The Secrets with authorities of client certificates. */
  *clientCaSecrets(): Iterable<SecretName> {
    for (const { name } of this.#clientCas.values()) yield name;
  }

  groupsOfService(namespace: string, service: string): ReadonlySet<GroupId> {
    return this.#groupsOfService.get(objectKey(namespace, service)) ?? new Set();
  }

  /**
   * The hosts whose translation looks at this host's Ingresses: itself, those below a wildcard, those that redirect to it or have its name
   * as an alias, and all when they fall through.
   */
  *dependants(host: string): Iterable<string> {
    yield host;
    yield* wwwRelatives(host);
    yield* this.#aliases.hostsOf(host);
    if (host === CATCH_ALL_HOST && this.settings.conformance === 'kubernetes') yield* this.#hosts.keys();
    else yield* this.#children.get(host) ?? [];
  }

  add(plan: IngressPlan): Touched {
    const touched = this.#touched(plan);
    for (const host of canaryHostsOf(plan)) insertPlan(this.#canaries, host, plan);
    for (const host of hostsOf(plan, this.settings)) {
      insertPlan(this.#hosts, host, plan);
      const wildcard = wildcardOf(host);
      if (wildcard !== null) this.#children.set(wildcard, (this.#children.get(wildcard) ?? new Set()).add(host));
    }
    for (const [backend, fields] of touched.backends) {
      insert(this.#group(plan.namespace, backend.service, backend.port).references, { plan, fields });
    }
    for (const [secret, fields] of touched.secrets)
      insert(this.#certificate(plan.namespace, secret).references, { plan, fields });
    const { secret } = plan.proxySsl;
    if (secret !== null && touched.upstreamSecret !== null) {
      const id = touched.upstreamSecret;
      const request = this.#upstreamSecrets.get(id) ?? { id, namespace: secret.namespace, secret: secret.name, references: [] };
      this.#upstreamSecrets.set(id, request);
      insert(request.references, { plan, fields: [plan.proxySslField] });
    }
    if (plan.clientAuth !== null) {
      const { secret } = plan.clientAuth;
      const id = certificateId(secret.namespace, secret.name);
      const entry = this.#clientCas.get(id) ?? { name: secret, plans: new Set() };
      this.#clientCas.set(id, entry);
      entry.plans.add(plan);
    }
    this.references.add(plan);
    this.#aliases.add(plan, touched.hosts, 1);
    return touched;
  }

  remove(plan: IngressPlan): Touched {
    const touched = this.#touched(plan);
    for (const host of canaryHostsOf(plan)) removePlan(this.#canaries, host, plan);
    for (const host of hostsOf(plan, this.settings)) {
      removePlan(this.#hosts, host, plan);
      if (this.#hosts.has(host)) continue;
      const wildcard = wildcardOf(host);
      if (wildcard === null) continue;
      const children = this.#children.get(wildcard);
      children?.delete(host);
      if (children?.size === 0) this.#children.delete(wildcard);
    }
    for (const id of touched.groups) {
      const group = this.#groups.get(id);
      if (group === undefined) continue;
      group.references.splice(
        position(group.references, plan, (item) => item.plan),
        1,
      );
      this.#dropUnused(group);
    }
    for (const id of touched.certificates) {
      const request = this.#certificates.get(id);
      if (request === undefined) continue;
      request.references.splice(
        position(request.references, plan, (item) => item.plan),
        1,
      );
      if (request.references.length === 0 && !request.isDefaultCertificate) this.#certificates.delete(id);
    }
    const request = touched.upstreamSecret === null ? undefined : this.#upstreamSecrets.get(touched.upstreamSecret);
    if (request !== undefined) {
      request.references.splice(
        position(request.references, plan, (item) => item.plan),
        1,
      );
      if (request.references.length === 0) this.#upstreamSecrets.delete(request.id);
    }
    if (plan.clientAuth !== null) {
      const { secret } = plan.clientAuth;
      const id = certificateId(secret.namespace, secret.name);
      const plans = this.#clientCas.get(id)?.plans;
      plans?.delete(plan);
      if (plans?.size === 0) this.#clientCas.delete(id);
    }
    this.references.remove(plan);
    this.#aliases.add(plan, touched.hosts, -1);
    return touched;
  }

  /** Replaces the TCP and UDP services. Returns the groups that one of them names or named. */
  setStreams(references: readonly StreamReference[]): ReadonlySet<GroupId> {
    const touched = new Set(references.map(({ id }) => id));
    const before = [...this.#groups.values()].filter(({ streams }) => streams.length > 0);
    for (const group of before) {
      touched.add(group.id);
      group.streams = [];
    }
    for (const reference of references) {
      const { namespace, service, port, protocol } = reference;
      const group = this.#group(namespace, service, port, protocol);
      group.streams = [...group.streams, reference];
    }
    for (const group of before) this.#dropUnused(group);
    return touched;
  }

  #dropUnused({ id, namespace, service: name, references, isDefaultBackend, streams }: GroupRequest): void {
    if (references.length > 0 || isDefaultBackend || streams.length > 0) return;
    this.#groups.delete(id);
    const service = objectKey(namespace, name);
    const siblings = this.#groupsOfService.get(service);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#groupsOfService.delete(service);
  }

  #touched(plan: IngressPlan): Touched & {
    backends: readonly [{ service: string; port: string }, readonly string[]][];
    secrets: readonly [string, readonly string[]][];
  } {
    const byGroup = groupFields(
      backendsOf(plan),
      ({ service, port }) => groupId(plan.namespace, service, port),
      ({ field }) => field,
    );
    const named = plan.tls.flatMap(({ secret, field }) => (secret === null ? [] : [{ secret, field: `${field}.secretName` }]));
    const bySecret = groupFields(
      named,
      ({ secret }) => secret,
      ({ field }) => field,
    );
    const upstream = plan.proxySsl.secret;
    return {
      hosts: new Set([...hostsOf(plan, this.settings), ...canaryHostsOf(plan)]),
      groups: new Set([...byGroup.keys()] as GroupId[]),
      certificates: new Set([...bySecret.keys()].map((secret) => certificateId(plan.namespace, secret))),
      upstreamSecret: upstream === null ? null : certificateId(upstream.namespace, upstream.name),
      backends: [...byGroup.values()],
      secrets: [...bySecret.values()].map(([{ secret }, fields]) => [secret, fields]),
    };
  }

  #group(
    namespace: string,
    service: string,
    port: string,
    protocol: StreamProtocol = 'TCP',
  ): Mutable<{ -readonly [K in keyof GroupRequest]: GroupRequest[K] }> {
    const id = (protocol === 'UDP' ? udpGroupId : groupId)(namespace, service, port);
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { id, namespace, service, port, references: [], isDefaultBackend: false, protocol, streams: [] };
      this.#groups.set(id, group);
      const key = objectKey(namespace, service);
      this.#groupsOfService.set(key, (this.#groupsOfService.get(key) ?? new Set()).add(id));
    }
    return group;
  }

  #certificate(
    namespace: string,
    secret: string,
  ): Mutable<{ -readonly [K in keyof CertificateRequest]: CertificateRequest[K] }> {
    const id = certificateId(namespace, secret);
    let request = this.#certificates.get(id);
    if (request === undefined) {
      request = { id, namespace, secret, references: [], isDefaultCertificate: false };
      this.#certificates.set(id, request);
    }
    return request;
  }
}

function insertPlan(map: Map<string, IngressPlan[]>, host: string, plan: IngressPlan): void {
  const plans = map.get(host) ?? [];
  plans.splice(
    position(plans, plan, (item) => item),
    0,
    plan,
  );
  map.set(host, plans);
}

function removePlan(map: Map<string, IngressPlan[]>, host: string, plan: IngressPlan): void {
  const plans = map.get(host) ?? [];
  plans.splice(
    position(plans, plan, (item) => item),
    1,
  );
  if (plans.length === 0) map.delete(host);
}

function insert(references: Reference[], reference: Reference): void {
  references.splice(
    position(references, reference.plan, (item) => item.plan),
    0,
    reference,
  );
}

/** The index of these Ingresses, in whatever order they come. */
export function buildIndex(plans: Iterable<IngressPlan>, settings: TranslateSettings): PlanIndex {
  const index = new PlanIndex(settings);
  for (const plan of plans) index.add(plan);
  return index;
}
