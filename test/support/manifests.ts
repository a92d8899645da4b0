/** Short ways to write the objects of an application: Ingress, IngressClass, Secret, and Pods behind a Service. */
import type { TestCertificate } from './pki.ts';

export interface IngressOptions {
  /** `nginx` unless given; null: none. */
  readonly className?: string | null;
  readonly annotations?: Readonly<Record<string, string>>;
  /** A Service. */
  readonly defaultBackend?: string;
  readonly tls?: readonly object[];
}

/**
 * An Ingress whose rules are lines of `HOST PATHTYPE PATH SERVICE[:PORT]`, with `-` for no host. Lines of one host make one rule. The
 * port is 8080 unless given, and a name when it is not a number.
 */
export function ingress(name: string, lines = '', options: IngressOptions = {}): object {
  const { className = 'nginx', annotations = {}, defaultBackend, tls } = options;
  const rules = new Map<string, object[]>();
  for (const line of lines.split('\n').map((text) => text.trim())) {
    if (line === '') continue;
    const [host = '', pathType = '', path = '', service = ''] = line.split(/\s+/u);
    const paths = rules.get(host) ?? [];
    rules.set(host, paths);
    paths.push({ path, pathType, backend: backendOf(service) });
  }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, annotations },
    spec: {
      ...(className === null ? {} : { ingressClassName: className }),
      ...(defaultBackend === undefined ? {} : { defaultBackend: backendOf(defaultBackend) }),
      ...(tls === undefined ? {} : { tls }),
      ...(rules.size === 0
        ? {}
        : { rules: [...rules].map(([host, paths]) => ({ ...(host === '-' ? {} : { host }), http: { paths } })) }),
    },
  };
}

function backendOf(text: string): object {
  const [name = '', port = '8080'] = text.split(':');
  return { service: { name, port: /^\d+$/u.test(port) ? { number: Number(port) } : { name: port } } };
}

export function ingressClass(name: string, controller = 'k8s.io/ingress-nginx', annotations = {}): object {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name, annotations }, spec: { controller } };
}

/** The Service `name` with the port 8080, named `http`, for Pods with the label `app: name`. */
export function service(name: string, spec: object = { selector: { app: name } }): object {
  const ports = [{ name: 'http', port: 8080, targetPort: 8080 }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports, ...spec } };
}

/** A Pod of the name of its Service. */
export function pod(name: string, annotations: Readonly<Record<string, string>> = {}): object {
  const containers = [{ name: 'backend', image: 'backend', ports: [{ containerPort: 8080 }] }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name }, annotations },
    spec: { containers, terminationGracePeriodSeconds: 0 },
  };
}

/** A Service with one Pod of the same name. */
export function backend(name: string): readonly object[] {
  return [pod(name), service(name)];
}

/** A Service with Pods of a Deployment. */
export function deployment(name: string, replicas: number): readonly object[] {
  const { metadata, spec } = pod(name) as { metadata: { labels: object }; spec: object };
  const template = { metadata: { labels: metadata.labels }, spec };
  const selector = { matchLabels: metadata.labels };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas, selector, template } },
    service(name),
  ];
}

export function tlsSecret(name: string, { chain, key }: Pick<TestCertificate, 'chain' | 'key'>): object {
  return secret(name, { 'tls.crt': chain, 'tls.key': key }, 'kubernetes.io/tls');
}

/** A Secret of this text; Opaque unless a type is given. */
export function secret(name: string, stringData: Readonly<Record<string, string>>, type = 'Opaque'): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData };
}
