/** `backend-protocol`: what the backends of an Ingress speak. Without it, `appProtocol` of the Service port says so. */
import type { BackendProtocol, UpstreamGroup } from '../model/table.ts';
import type { PolicyReader } from './policy.ts';

/** What the annotation asks for. `denied`: something that cannot be done, and plain HTTP in its place would tell secrets on the way. */
export interface BackendProtocolWish {
  readonly protocol: BackendProtocol | null;
  readonly denied: boolean;
}

const PROTOCOLS: ReadonlyMap<string, BackendProtocol> = new Map(
  (['HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS'] as const).map((name) => [name, name]),
);
const DENIED = 'Every path of this Ingress is answered with 503.';

/** In any case, as in ingress-nginx; which speaks HTTP where it does not understand the value. */
export const backendProtocol: PolicyReader<BackendProtocolWish> = {
  annotations: ['backend-protocol'],
  read: (source) => {
    const text = source.text('backend-protocol');
    if (text === undefined) {
      // What is no text was reported, and must not pass for absent.
      const value = source.value('backend-protocol');
      return { protocol: null, denied: value !== undefined && value !== null && typeof value !== 'string' };
    }
    const name = text.trim().toUpperCase();
    const protocol = PROTOCOLS.get(name);
    if (protocol !== undefined) return { protocol, denied: false };
    if (name === 'FCGI') {
      const message = 'backend-protocol (here "FCGI") is not supported';
      source.report('AnnotationUnsupported', 'error', 'backend-protocol', message, DENIED);
    } else source.invalid('backend-protocol', 'HTTP, HTTPS, AUTO_HTTP, GRPC or GRPCS', DENIED, 'error');
    return { protocol: null, denied: true };
  },
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
