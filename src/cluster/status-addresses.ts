/** The addresses an Ingress is reached at, exactly as ingress-nginx finds them (internal/ingress/status/status.go). */
import { isIP } from 'node:net';
import type { LoadBalancerIngress, NodeObject, Pod, Service } from '../model/objects.ts';
import { compareText } from '../model/report.ts';

/** What the addresses are taken from, in this order: given addresses, a Service, the nodes of the ready controller Pods. */
export interface AddressSettings {
  /** `--publish-status-address`, split at commas. */
  readonly publishStatusAddress: readonly string[];
  /** `--publish-service`. */
  readonly publishService: { readonly namespace: string; readonly name: string } | null;
  /** `--report-node-internal-ip-address`. */
  readonly reportNodeInternalIpAddress: boolean;
}

/** Where the objects are looked up. */
interface AddressSource {
  readonly service: (namespace: string, name: string) => Service | undefined;
  readonly node: (name: string) => NodeObject | undefined;
  /** The Pods of all replicas. */
  readonly pods: () => Iterable<Pod>;
}

/** Sorted and without duplicates; undefined when it cannot be said now, for example because the Service does not exist. */
export function statusAddresses(settings: AddressSettings, source: AddressSource): readonly LoadBalancerIngress[] | undefined {
  if (settings.publishStatusAddress.length > 0) {
    return normalize(settings.publishStatusAddress.map(addressOf));
  }
  if (settings.publishService) {
    const service = source.service(settings.publishService.namespace, settings.publishService.name);
    return service && normalize(serviceAddresses(service));
  }
  const nodes = [...source.pods()].filter(isReady).map((pod) => source.node(pod.spec?.nodeName ?? ''));
  const addresses = nodes.map((node) => nodeAddress(node, settings.reportNodeInternalIpAddress));
  return normalize(addresses.map(addressOf));
}

/** Running and with the condition Ready. */
export function isReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return pod.status?.phase === 'Running' && ready;
}

function serviceAddresses({ spec, status }: Service): readonly LoadBalancerIngress[] {
  const external = (spec?.externalIPs ?? []).map(addressOf);
  const clusterIP = spec?.clusterIP === undefined || spec.clusterIP === 'None' ? [] : [{ ip: spec.clusterIP }];
  switch (spec?.type) {
    case 'LoadBalancer':
      return [...(status?.loadBalancer?.ingress ?? []), ...external];
    case 'NodePort':
      return external.length > 0 ? external : clusterIP;
    case 'ExternalName':
      return spec.externalName === undefined ? [] : [{ hostname: spec.externalName }];
    case undefined:
    default:
      // ClusterIP, which is also what an absent type means.
      return clusterIP;
  }
}

function nodeAddress(node: NodeObject | undefined, internalOnly: boolean): string {
  const find = (wanted: string): string | undefined =>
    node?.status?.addresses?.find(({ type, address }) => type === wanted && address !== '')?.address;
  return (internalOnly ? undefined : find('ExternalIP')) ?? find('InternalIP') ?? '';
}

function addressOf(text: string): LoadBalancerIngress {
  const trimmed = text.trim();
  return isIP(trimmed) === 0 ? { hostname: trimmed } : { ip: trimmed };
}

/** Drops what is empty, sorts by host name, then address, and removes duplicates. */
function normalize(addresses: readonly LoadBalancerIngress[]): readonly LoadBalancerIngress[] {
  const sorted = addresses
    .map(({ ip, hostname }) => ({ ...(ip ? { ip } : {}), ...(hostname ? { hostname } : {}) }))
    .filter((address) => Object.keys(address).length > 0)
    .sort((a, b) => compareText(a.hostname ?? '', b.hostname ?? '') || compareText(a.ip ?? '', b.ip ?? ''));
  return sorted.filter((address, at) => at === 0 || !sameAddress(address, sorted[at - 1]));
}

/** Whether two lists of addresses say the same, in whatever order. */
export function sameAddresses(a: readonly LoadBalancerIngress[], b: readonly LoadBalancerIngress[]): boolean {
  const left = normalize(a);
  const right = normalize(b);
  return left.length === right.length && left.every((address, at) => sameAddress(address, right[at]));
}

function sameAddress(a: LoadBalancerIngress, b: LoadBalancerIngress | undefined): boolean {
  return a.ip === b?.ip && a.hostname === b?.hostname;
}
