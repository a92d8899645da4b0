/** The corpus: Ingresses as they occur with public charts, and the objects that they name. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { EndpointSlice, Ingress, IngressBackend, IngressClass, KubeObject, Service } from '../../src/model/objects.ts';
import { SERVICE_NAME_LABEL } from '../../src/model/objects.ts';

/** Where the files are. */
export const CORPUS = new URL('../corpus/', import.meta.url);

/** The names of its files, sorted. */
export const CORPUS_FILES: readonly string[] = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

/** The Ingresses of all files, or of one. */
export function corpusIngresses(files: readonly string[] = CORPUS_FILES): readonly Ingress[] {
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(file, CORPUS), 'utf8'), { version: '1.1' }).map(
      (document) => document.toJS() as Ingress,
    ),
  );
}

function backendsOf({ spec, metadata: { annotations = {} } }: Ingress): readonly IngressBackend[] {
  const fallback = annotations['nginx.ingress.kubernetes.io/default-backend'];
  return [
    ...(spec?.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).flatMap(({ backend }) => backend ?? [])),
    ...(spec?.defaultBackend === undefined ? [] : [spec.defaultBackend]),
    ...(fallback === undefined ? [] : [{ service: { name: fallback, port: { number: 80 } } }]),
  ];
}

/** The class `nginx`, and the Services that Ingresses name, each with one ready endpoint. */
export function namedBy(ingresses: readonly Ingress[]): readonly KubeObject[] {
  const ports = new Map<string, Map<string, number | string>>();
  for (const ingress of ingresses) {
    for (const { service } of backendsOf(ingress)) {
      const key = JSON.stringify([ingress.metadata.namespace, service?.name]);
      const known = ports.get(key) ?? new Map<string, number | string>();
      ports.set(key, known);
      const port = service?.port?.number ?? service?.port?.name ?? 80;
      known.set(String(port), port);
    }
  }
  const ingressClass: IngressClass = {
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  };
  return [
    ingressClass,
    ...[...ports].flatMap(([key, known]): KubeObject[] => {
      const [namespace, name] = JSON.parse(key) as [string, string];
      const list = [...known.values()].map((port, index) =>
        typeof port === 'number' ? { name: `p${port}`, port } : { name: port, port: 20_000 + index },
      );
      const service: Service = {
        kind: 'Service',
        metadata: { namespace, name },
        spec: { clusterIP: '10.96.0.1', ports: list },
      };
      const slice: EndpointSlice = {
        kind: 'EndpointSlice',
        metadata: { namespace, name: `${name}-1`, labels: { [SERVICE_NAME_LABEL]: name } },
        ports: list,
        endpoints: [{ addresses: ['10.0.0.1'] }],
      };
      return [service, slice];
    }),
  ];
}
