/** What the API server has: groups, versions and resources, in both forms of discovery (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api). */
import type { JsonObject } from '../api/json.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceRegistry, ResourceType } from '../resources/resources.ts';
import { REVIEWS } from './reviews.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

interface Group {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly string[];
}

/** Stability, major and minor number of a version's name. */
function rank(version: string): readonly [number, number, number] {
  const parts = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (parts === null) return [0, 0, 0];
  return [parts[2] === undefined ? 3 : parts[2] === 'beta' ? 2 : 1, Number(parts[1]), Number(parts[3] ?? 0)];
}

/** Stable versions before beta, beta before alpha, higher before lower (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority). */
function compareVersions(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)];
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2] || (a < b ? -1 : 1);
}

function groupsOf(registry: ResourceRegistry): Group[] {
  const groups = new Map<string, Set<string>>();
  for (const { group, version } of [...registry.all(), ...REVIEWS]) {
    if (group === '') continue;
    let versions = groups.get(group);
    if (versions === undefined) groups.set(group, (versions = new Set()));
    versions.add(version);
  }
  return [...groups].map(([name, versions]) => ({ name, versions: [...versions].sort(compareVersions) }));
}

function groupBody(group: Group): JsonObject {
  const versions = group.versions.map((version) => ({ groupVersion: `${group.name}/${version}`, version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

/** `/api`. */
export function coreVersions(): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [],
  };
}

/** `/apis`. */
export function groupList(registry: ResourceRegistry): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(registry).map(groupBody) };
}

/** `/apis/GROUP`; undefined for a group that is not served. */
export function groupDocument(registry: ResourceRegistry, name: string): JsonObject | undefined {
  const group = groupsOf(registry).find((candidate) => candidate.name === name);
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) };
}

function resourceEntries(type: ResourceType): JsonObject[] {
  const entries: JsonObject[] = [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: VERBS,
      ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
      ...(type.categories.length === 0 ? {} : { categories: type.categories }),
      storageVersionHash: '',
    },
  ];
  const sub = (name: string, kind: string, extra: JsonObject = {}): JsonObject => ({
    name: `${type.plural}/${name}`,
    singularName: '',
    namespaced: type.namespaced,
    kind,
    verbs: SUBRESOURCE_VERBS,
    ...extra,
  });
  if (type.hasStatus) entries.push(sub('status', type.kind));
  if (type.scale !== undefined) entries.push(sub('scale', 'Scale', { group: 'autoscaling', version: 'v1' }));
  return entries;
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined for a version that is not served. */
export function resourceList(registry: ResourceRegistry, apiVersion: string): JsonObject | undefined {
  const resources = registry.ofApiVersion(apiVersion).flatMap(resourceEntries);
  for (const review of REVIEWS.filter((candidate) => apiVersionOf(candidate) === apiVersion)) {
    resources.push({
      name: review.plural,
      singularName: review.kind.toLowerCase(),
      namespaced: false,
      kind: review.kind,
      verbs: ['create'],
    });
  }
  if (resources.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources };
}

function aggregatedResource(type: ResourceType): JsonObject {
  const responseKind = { group: type.group, version: type.version, kind: type.kind };
  const subresources: JsonObject[] = [];
  if (type.hasStatus) subresources.push({ subresource: 'status', responseKind, verbs: SUBRESOURCE_VERBS });
  if (type.scale !== undefined) {
    const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    subresources.push({ subresource: 'scale', responseKind: scale, verbs: SUBRESOURCE_VERBS });
  }
  return {
    resource: type.plural,
    responseKind,
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs: VERBS,
    ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
    ...(type.categories.length === 0 ? {} : { categories: type.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

function aggregatedVersion(registry: ResourceRegistry, group: string, version: string): JsonObject {
  const apiVersion = apiVersionOf({ group, version });
  const reviews = REVIEWS.filter((review) => apiVersionOf(review) === apiVersion).map((review) => ({
    resource: review.plural,
    responseKind: { group, version, kind: review.kind },
    scope: 'Cluster',
    singularResource: review.kind.toLowerCase(),
    verbs: ['create'],
  }));
  return {
    version,
    freshness: 'Current',
    resources: [...registry.ofApiVersion(apiVersion).map(aggregatedResource), ...reviews],
  };
}

/** The media type of aggregated discovery, as it is asked for and as it is answered. */
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `/api` (`core`) and `/apis` in the aggregated form. */
export function aggregatedDiscovery(registry: ResourceRegistry, core: boolean): JsonObject {
  const groups = core ? [{ name: '', versions: ['v1'] }] : groupsOf(registry);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: group.name === '' ? {} : { name: group.name },
      versions: group.versions.map((version) => aggregatedVersion(registry, group.name, version)),
    })),
  };
}

/** `/version`. */
export const VERSION: JsonObject = {
  major: '1',
  minor: '35',
  emulationMajor: '1',
  emulationMinor: '35',
  gitVersion: 'v1.35.0+sluice',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};
