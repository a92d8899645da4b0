/** Ingresses as their users write them, translated and served by a data plane, for tests of annotations. */
import type { Ingress, KubeObject, Service, EndpointSlice } from '../../src/model/objects.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { Lookup } from '../../src/proxy/upstream/resolver.ts';
import type { TablePatch } from '../../src/model/table.ts';
import type { TempFileSystem } from '../../src/proxy/body/temp-files.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from './cluster-view.ts';
import { startProxy, table, type TestProxy } from './proxy.ts';

/** The prefix of ingress-nginx's annotations. */
export const PREFIX = 'nginx.ingress.kubernetes.io';

/** What is not said of an Ingress: it is `default/web`, for `/` of `app.example`, to port 80 of the Service `app`. */
export interface IngressText {
  readonly name?: string;
  readonly host?: string;
  readonly paths?: readonly (string | { readonly path: string; readonly pathType?: string; readonly service?: string })[];
  readonly service?: string;
  /** Of a TLS entry for the host; the certificate need not exist. */
  readonly tls?: boolean;
  readonly created?: string;
}

/** An Ingress with these annotations, named without their prefix. */
export function ingress(annotations: Readonly<Record<string, unknown>>, text: IngressText = {}): Ingress {
  const { name = 'web', host = 'app.example', paths = ['/'], service = 'app', tls = false, created } = text;
  return {
    kind: 'Ingress',
    metadata: {
      namespace: 'default',
      name,
      creationTimestamp: created ?? '2025-01-01T00:00:00Z',
      annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value])) as Record<
        string,
        string
      >,
    },
    spec: {
      ingressClassName: 'nginx',
      ...(tls && { tls: [{ hosts: [host] }] }),
      rules: [
        {
          host,
          http: {
            paths: paths.map((one) => {
              const path = typeof one === 'string' ? { path: one } : one;
              return {
                path: path.path,
                pathType: path.pathType ?? 'Prefix',
                backend: { service: { name: path.service ?? service, port: { number: 80 } } },
              };
            }),
          },
        },
      ],
    },
  };
}

/** A Service `default/NAME` with port 80 and these endpoints on loopback. */
export function service(name: string, ports: readonly number[]): KubeObject[] {
  const object: Service = {
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] },
  };
  const slices = ports.map((port, index): EndpointSlice => ({
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: `${name}-${index}`, labels: { 'kubernetes.io/service-name': name } },
    ports: [{ port }],
    endpoints: [{ addresses: ['127.0.0.1'] }],
  }));
  return [object, ...slices];
}

/** A Secret of the namespace `default`. */
export function secret(name: string, data: Readonly<Record<string, string>>): KubeObject {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  return { kind: 'Secret', metadata: { namespace: 'default', name }, data: encoded } as KubeObject;
}

/** A ConfigMap of the namespace `default`. */
export function configMap(name: string, data: Readonly<Record<string, string>>): KubeObject {
  return { kind: 'ConfigMap', metadata: { namespace: 'default', name }, data } as KubeObject;
}

/** What objects come to: the whole table as one patch, and what is wrong with them. */
export function translated(
  objects: Iterable<KubeObject>,
  settings: Partial<TranslateSettings> = {},
): { readonly patch: TablePatch; readonly diagnostics: readonly Diagnostic[] } {
  const nginx: KubeObject = {
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  } as KubeObject;
  const view = new ObjectStore([nginx, ...objects]).view();
  const result = translateTable(
    view,
    { ...TRANSLATE_DEFAULTS, ...settings },
    FALLBACK_CERTIFICATE,
    Date.parse('2026-01-01T00:00:00Z'),
  );
  const { hosts, groups, certificates, streams, upstreamSecrets } = result.table;
  const patch = table([], [], {
    hosts: [...hosts.values()],
    groups: [...groups.values()],
    certificates: [...certificates.values()],
    streams: [...streams.values()],
    upstreamSecrets: [...upstreamSecrets.values()],
  });
  return { patch, diagnostics: result.diagnostics };
}

/** Translates the objects and serves them. To be closed by the caller, or watched by a `Stage`. */
export async function serve(
  objects: Iterable<KubeObject>,
  settings: {
    readonly translate?: Partial<TranslateSettings>;
    readonly proxy?: Partial<ProxySettings>;
    readonly fileSystem?: TempFileSystem;
    readonly lookup?: Lookup;
  } = {},
): Promise<TestProxy & { readonly diagnostics: readonly Diagnostic[] }> {
  const { patch, diagnostics } = translated(objects, settings.translate);
  return { ...(await startProxy(patch, settings.proxy, settings.lookup, settings.fileSystem)), diagnostics };
}
