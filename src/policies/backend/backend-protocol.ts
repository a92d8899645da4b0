/** `backend-protocol`: what the backends of an Ingress speak. Without it, `appProtocol` of the Service port says so. */
import type { BackendProtocol } from '../../model/policies.ts';
import type { UpstreamGroup } from '../../model/table.ts';
import type { RoutePolicy } from '../policy.ts';

const PROTOCOLS: ReadonlyMap<string, BackendProtocol> = new Map(
  (['HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS'] as const).map((name) => [name, name]),
);

/**
 * In any case, as in ingress-nginx; which speaks HTTP where it does not understand the value. Here that denies: plain HTTP in its place
 * would tell secrets on the way.
 */
export const backendProtocol: RoutePolicy<BackendProtocol> = {
  annotations: ['backend-protocol'],
  ofBackend: true,
  read: (source) => {
    const value = source.value('backend-protocol');
    const text = typeof value === 'string' ? source.text('backend-protocol') : undefined;
    if (text === undefined && (value === undefined || value === null || typeof value === 'string')) return undefined;
    const name = text?.trim().toUpperCase() ?? '';
    const protocol = PROTOCOLS.get(name);
    if (name === 'FCGI') source.deny('backend-protocol', 'supported here', 'ingress', 'AnnotationUnsupported');
    else if (protocol === undefined) source.deny('backend-protocol', 'HTTP, HTTPS, AUTO_HTTP, GRPC or GRPCS');
    return protocol;
  },
  resolve: (protocol) => protocol,
};

/**
 * `appProtocol` of a Service port (KEP-3726 and the names that Istio and GKE made usual), which ingress-nginx does not heed. The
 * annotation is stronger.
 */
const APP_PROTOCOLS: ReadonlyMap<string, NonNullable<UpstreamGroup['protocol']>> = new Map([
  ['http', 'HTTP'],
  ['kubernetes.io/ws', 'HTTP'],
  ['https', 'HTTPS'],
  ['kubernetes.io/wss', 'HTTPS'],
  ['kubernetes.io/h2c', 'GRPC'],
  ['grpc', 'GRPC'],
]);

/** What a port with this `appProtocol` speaks; null: absent, or nothing that is known here. It may be anything. */
export function protocolOfPort(appProtocol: unknown): UpstreamGroup['protocol'] {
  return typeof appProtocol === 'string' ? (APP_PROTOCOLS.get(appProtocol.toLowerCase()) ?? null) : null;
}
