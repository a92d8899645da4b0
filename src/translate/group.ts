/** One port of one Service → the endpoints that requests are sent to. An endpoint change needs nothing else. */
import { isIP } from 'node:net';
import { isLoopback } from '../model/loopback.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { EndpointSlice, Service } from '../model/objects.ts';
import type { Report } from '../model/report.ts';
import { compareText, createReporter, diagnostic, quote } from '../model/report.ts';
import type { Endpoint, StreamProtocol, UpstreamGroup } from '../model/table.ts';
import { protocolOfPort } from '../policies/backend/backend-protocol.ts';
import type { ClusterView } from '../model/view.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { balancingOf } from './balance/balancing.ts';
import type { Merge } from './balance/canary.ts';
import { isDnsName } from './hosts.ts';
import type { GroupRequest } from './plan-index.ts';
import type { Fields } from './read.ts';
import { isPort, objectRef, readFields, readList } from './read.ts';

/** A group and what is wrong with it. */
export interface TranslatedGroup {
  readonly group: UpstreamGroup;
  readonly diagnostics: readonly Diagnostic[];
}

const ANSWERED_503 = 'Its requests are answered with 503.';

/** Translates one group from its Service and EndpointSlices. `merges`: the canaries for it. */
export function translateGroup(
  request: GroupRequest,
  merges: readonly Merge[],
  view: ClusterView,
  settings: TranslateSettings,
): TranslatedGroup {
  const { balancing, diagnostics } = balancingOf(request, merges);
  const { group, diagnostics: found } = translateEndpoints(request, view, settings);
  return { group: balancing === undefined ? group : { ...group, balancing }, diagnostics: [...found, ...diagnostics] };
}

function translateEndpoints(request: GroupRequest, view: ClusterView, settings: TranslateSettings): TranslatedGroup {
  const { id, namespace, service: name, port } = request;
  const service = view.service(namespace, name);
  let protocol: UpstreamGroup['protocol'] = null;
  const result = (endpoints: readonly Endpoint[], diagnostics: readonly Diagnostic[]): TranslatedGroup => ({
    group: { id, namespace, service: name, port, protocol, endpoints },
    diagnostics,
  });
  if (service === undefined) return result([], missingService(request));

  const { report, diagnostics } = createReporter(objectRef('Service', namespace, name, service.metadata.uid));
  const spec = readFields(service.spec, 'spec', report) ?? {};
  if (spec['type'] === 'ExternalName') {
    protocol = findPort(spec, request, report)?.protocol ?? null;
    const endpoint = externalEndpoint(request, spec, settings, report);
    if (endpoint === 'no port') return result([], missingPort(request, service));
    return result(endpoint === null ? [] : [endpoint], diagnostics);
  }
  const found = findPort(spec, request, report);
  if (found === undefined) return result([], [...diagnostics, ...missingPort(request, service)]);
  ({ protocol } = found);

  // The oldest Ingress that names the Service port decides for all of them.
  const first = port === '' ? undefined : request.references[0];
  const headless: Diagnostic[] = [];
  if (first?.plan.serviceUpstream === true) {
    const clusterIp = spec['clusterIP'];
    if (typeof clusterIp === 'string' && isIP(clusterIp) !== 0) {
      return result([{ address: clusterIp, port: found.port, dns: false }], diagnostics);
    }
    const message = `service-upstream: the Service ${quote(name)} has no cluster IP (${quote(clusterIp ?? 'none')})`;
    const { object, serviceUpstreamField } = first.plan;
    headless.push(
      diagnostic(
        object,
        'ServiceUpstreamHeadless',
        'warning',
        serviceUpstreamField,
        message,
        'Its endpoints are used instead.',
      ),
    );
  }
  const zone = settings.topologyAwareRouting && prefersItsZone(service) ? settings.zone : '';
  const endpoints = collectEndpoints(view.endpointSlices(namespace, name), found, request.protocol, zone);
  const field = `spec.ports[${found.index}]`;
  if (endpoints.usable === 'none') {
    const served = request.isDefaultBackend ? 'Requests that no rule takes are answered with 503.' : servedWithout(request);
    report(
      'ServiceNoEndpoints',
      'error',
      field,
      `port ${quote(found.name || found.port)} has no endpoint that is ready`,
      served,
    );
  } else if (endpoints.usable === 'terminating') {
    const message = `all endpoints of port ${quote(found.name || found.port)} that still serve are terminating`;
    report('ServiceTerminatingOnly', 'warning', field, message, 'Those still serving are used.');
  }
  return result(endpoints.list, [...diagnostics, ...headless]);
}

/** What becomes of clients of a Service port without endpoints. */
function servedWithout({ references, streams, protocol }: GroupRequest): string {
  if (streams.length === 0) return ANSWERED_503;
  const dropped = protocol === 'UDP' ? 'Datagrams for it are dropped.' : 'Connections for it are closed at once.';
  return references.length === 0 ? dropped : `${ANSWERED_503} ${dropped}`;
}

/** A port of a Service that was found by the name or number an Ingress has for it. */
interface FoundPort {
  readonly index: number;
  readonly name: string;
  readonly port: number;
  readonly targetPort: unknown;
  readonly protocol: UpstreamGroup['protocol'];
}

/**
 * The first TCP port whose number, target port or name is the one the Ingress names (ingress-nginx compares them as texts); the
 * first TCP port for an empty name.
 */
function findPort(
  spec: Fields,
  { port: wanted, protocol }: Pick<GroupRequest, 'port' | 'protocol'>,
  report: Report,
): FoundPort | undefined {
  for (const [index, item] of readList(spec['ports'], 'spec.ports', report).entries()) {
    const fields = readFields(item, `spec.ports[${index}]`, report);
    const port = fields?.['port'];
    if (fields === undefined || !isPort(port) || !speaks(fields['protocol'], protocol)) continue;
    const { name, targetPort } = fields;
    const known: unknown[] = [String(port), typeof targetPort === 'number' ? String(targetPort) : targetPort, name];
    if (wanted !== '' && !known.includes(wanted)) continue;
    const app = protocolOfPort(fields['appProtocol']);
    return { index, name: typeof name === 'string' ? name : '', port, targetPort, protocol: app };
  }
  return undefined;
}

/** Of Service ports and of slice ports: absent means TCP. */
function speaks(protocol: unknown, wanted: StreamProtocol): boolean {
  return (protocol ?? 'TCP') === wanted;
}

/** What a slice has wrong is its maker's business (the endpoint slice controller's), not a user's. */
const ignore: Report = () => undefined;

interface Collected {
  readonly list: readonly Endpoint[];
  readonly usable: 'ready' | 'terminating' | 'none';
}

/**
 * Those that are ready (`ready` absent counts); if there is none, those that serve while they terminate, as kube-proxy does
 * (Kubernetes, "EndpointSlices", conditions).
 */
function collectEndpoints(
  slices: readonly EndpointSlice[],
  port: FoundPort,
  protocol: StreamProtocol,
  zone: string,
): Collected {
  const ready = new Map<string, Endpoint>();
  const terminating = new Map<string, Endpoint>();
  /** Those that are ready, but for other zones. */
  const elsewhere = new Map<string, Endpoint>();
  for (const slice of slices) {
    const ports = slicePorts(slice, port, protocol);
    const items = readList(slice.endpoints, 'endpoints', ignore).map((item) => readFields(item, 'endpoints', ignore));
    // Hints that not all have are not to be heeded (ingress-nginx and kube-proxy).
    const zoned = zone !== '' && items.every((item) => zonesOf(item).length > 0);
    for (const endpoint of items) {
      const conditions = readFields(endpoint?.['conditions'], 'conditions', ignore) ?? {};
      let into: Map<string, Endpoint>;
      if (conditions['ready'] !== false) into = zoned && !zonesOf(endpoint).includes(zone) ? elsewhere : ready;
      else if (conditions['serving'] === true && conditions['terminating'] === true) into = terminating;
      else continue;
      for (const address of readList(endpoint?.['addresses'], 'addresses', ignore)) {
        if (typeof address !== 'string') continue;
        const dns = isIP(address) === 0;
        if (dns && !isDnsName(address)) continue;
        for (const number of ports) into.set(`${number} ${address}`, { address, port: number, dns });
      }
    }
  }
  if (ready.size > 0) return { list: sorted(ready), usable: 'ready' };
  // ingress-nginx would answer 503.
  if (elsewhere.size > 0) return { list: sorted(elsewhere), usable: 'ready' };
  return { list: sorted(terminating), usable: terminating.size > 0 ? 'terminating' : 'none' };
}

/** The zones that the endpoint slice controller means an endpoint for (KEP-2433, KEP-4444). */
function zonesOf(endpoint: Fields | undefined): readonly unknown[] {
  const hints = readFields(endpoint?.['hints'], 'hints', ignore);
  return readList(hints?.['forZones'], 'forZones', ignore).map((zone) => readFields(zone, 'forZones', ignore)?.['name']);
}

/** ingress-nginx, internal/ingress/controller/controller.go, `getZone`. PreferSameZone is the newer name of PreferClose. */
function prefersItsZone({ metadata, spec }: Service): boolean {
  const mode: unknown = metadata.annotations?.['service.kubernetes.io/topology-mode'];
  if (typeof mode === 'string' && mode.toLowerCase() === 'auto') return true;
  const distribution: unknown = spec?.trafficDistribution;
  return distribution === 'PreferClose' || distribution === 'PreferSameZone';
}

function sorted(endpoints: ReadonlyMap<string, Endpoint>): readonly Endpoint[] {
  return [...endpoints.values()].sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
}

/** ingress-nginx, internal/ingress/controller/endpointslices.go: the slice port of the same name, then the numeric target port. */
function slicePorts(slice: EndpointSlice, port: FoundPort, protocol: StreamProtocol): readonly number[] {
  const fallback = isPort(port.targetPort) ? [port.targetPort] : [];
  const listed = readList(slice.ports, 'ports', ignore);
  if (listed.length === 0) return fallback;
  const numbers: number[] = [];
  let spoken = false;
  for (const item of listed) {
    const fields = readFields(item, 'ports', ignore);
    if (fields === undefined || !speaks(fields['protocol'], protocol)) continue;
    spoken = true;
    const number = fields['port'];
    if (isPort(number) && (port.name === '' || fields['name'] === port.name)) numbers.push(number);
  }
  return numbers.length > 0 || !spoken ? numbers : fallback;
}

/** The endpoint of an ExternalName Service; null when it is refused (and reported). */
function externalEndpoint(
  request: GroupRequest,
  spec: Fields,
  settings: TranslateSettings,
  report: Report,
): Endpoint | null | 'no port' {
  const refuse = (why: string): null => {
    report('ExternalNameRefused', 'error', 'spec.externalName', `${quote(spec['externalName'])} ${why}`, ANSWERED_503);
    return null;
  };
  if (settings.disableServiceExternalName) return refuse('is refused, as --disable-svc-external-name is set');
  const name = spec['externalName'];
  if (typeof name !== 'string' || name === '') return refuse('is not a name');
  const plain = name.toLowerCase().replace(/\.$/, '');
  const family = isIP(plain);
  if (family === 0 && !isDnsName(plain)) return refuse('is not a DNS name');
  const local = family === 0 ? /(^|\.)localhost$/.test(plain) : isLoopback(plain);
  if (local) return refuse('names the loopback of the controller itself');
  const port = externalPort(request, spec, report);
  return port === null ? 'no port' : { address: family === 0 ? name.toLowerCase() : plain, port, dns: family === 0 };
}

/** ingress-nginx, `externalNamePorts`: the target port of the port that is named, or just the number the Ingress has. */
function externalPort(request: GroupRequest, spec: Fields, report: Report): number | null {
  const found = findPort(spec, request, report);
  if (found !== undefined) {
    // A target port may be a number written as a text (Go's IntOrString.IntValue).
    const target = typeof found.targetPort === 'string' ? Number(found.targetPort) : found.targetPort;
    return isPort(target) ? target : found.port;
  }
  const number = Number(request.port);
  return isPort(number) ? number : null;
}

function missingService(request: GroupRequest): readonly Diagnostic[] {
  const { namespace, service, references, streams } = request;
  const message = `the Service ${quote(`${namespace}/${service}`)} does not exist`;
  const reported = references.flatMap(({ plan, fields }) =>
    fields.map((field) => diagnostic(plan.object, 'ServiceNotFound', 'error', nameField(field), message, servedFor(request))),
  );
  const dropped = servedWithout({ ...request, references: [] });
  for (const { object, field } of streams)
    reported.push(diagnostic(object, 'ServiceNotFound', 'error', field, message, dropped));
  if (!request.isDefaultBackend) return reported;
  const served = 'Requests that no rule takes are answered with 404.';
  const object = objectRef('Service', namespace, service);
  const asked = `${message}, which --default-backend-service names`;
  return [...reported, diagnostic(object, 'ServiceNotFound', 'error', 'metadata.name', asked, served)];
}

function missingPort(request: GroupRequest, service: Service): readonly Diagnostic[] {
  const { namespace, service: name, references, streams, port, protocol } = request;
  const wanted = port === '' ? 'no TCP port' : `no ${protocol} port ${quote(port)}`;
  const message = `the Service ${quote(`${namespace}/${name}`)} has ${wanted}`;
  const reported = references.flatMap(({ plan, fields }) =>
    fields.map((field) => diagnostic(plan.object, 'ServicePortNotFound', 'error', field, message, servedFor(request))),
  );
  const dropped = servedWithout({ ...request, references: [] });
  for (const { object, field } of streams)
    reported.push(diagnostic(object, 'ServicePortNotFound', 'error', field, message, dropped));
  if (!request.isDefaultBackend) return reported;
  const object = objectRef('Service', namespace, name, service.metadata.uid);
  const served = 'Requests that no rule takes are answered with 503.';
  return [...reported, diagnostic(object, 'ServicePortNotFound', 'error', 'spec.ports', message, served)];
}

function servedFor({ port }: GroupRequest): string {
  return port === '' ? 'Requests for a Service without endpoints are answered with 503.' : ANSWERED_503;
}

/** The field of the Service's name, beside the field of its port. */
function nameField(field: string): string {
  return field.replace(/\.service\.port(\.\w+)?$/, '.service.name');
}
