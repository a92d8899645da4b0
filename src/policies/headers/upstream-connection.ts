/** `connection-proxy-header` and `proxy-http-version`: how connections to backends are used. */
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import type { RoutePolicy } from '../policy.ts';

const CONNECTION = 'connection-proxy-header';
const VERSION = 'proxy-http-version';

/** What Connection says to backends. With it, nothing is upgraded: WebSockets do not work. */
export const connectionProxyHeader: RoutePolicy<'close' | 'keep-alive'> = {
  annotations: [CONNECTION],
  read: (source) => {
    // ingress-nginx's validator looks past spaces.
    const value = source.text(CONNECTION)?.replaceAll(' ', '');
    if (value === undefined || value === 'close' || value === 'keep-alive') return value;
    source.invalid(CONNECTION, '"close" or "keep-alive"', 'Connections to backends are used as usual.');
    return undefined;
  },
  resolve: (value) => value,
};

/** Undefined: 1.1. */
export const proxyHttpVersion: RoutePolicy<'1.0'> = {
  annotations: [VERSION],
  everywhere: true,
  read: (source, settings) => {
    const text = source.text(VERSION);
    const valid = text === '1.0' || text === '1.1';
    if (text !== undefined && !valid) {
      source.invalid(VERSION, '"1.0" or "1.1"', `The setting of the ConfigMap, ${settings.proxyHttpVersion}, is used.`);
    }
    return (valid ? text : settings.proxyHttpVersion) === '1.0' ? '1.0' : undefined;
  },
  resolve: (version) => version,
};

/** It does not concern gRPC, which is HTTP/2. */
export function upstreamConnectionStep({ policies }: Route): RequestStep | null {
  const { connectionProxyHeader: connection = null, proxyHttpVersion: version, backendProtocol = 'HTTP' } = policies;
  const http10 = version === '1.0' && !backendProtocol.startsWith('GRPC');
  if (connection === null && !http10) return null;
  return ({ upstream }) => {
    upstream.connection = connection;
    upstream.http10 = http10;
    return null;
  };
}
