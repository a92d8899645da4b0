/** Objects with a field of a wrong type: the store leaves that part out, and here it becomes a diagnostic. */
import type { Cluster, ObjectKey, WatchedKind } from '../cluster/cluster.ts';
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import { type Ingress, type KubeObject, SERVICE_NAME_LABEL } from '../model/objects.ts';
import { compareDiagnostics } from '../model/report.ts';
import type { Settings } from '../settings/settings.ts';
import { isAccepted } from './references.ts';

const API_VERSIONS: Readonly<Record<WatchedKind, string>> = {
  Ingress: 'networking.k8s.io/v1',
  IngressClass: 'networking.k8s.io/v1',
  Service: 'v1',
  EndpointSlice: 'discovery.k8s.io/v1',
  Secret: 'v1',
  ConfigMap: 'v1',
  Namespace: 'v1',
  Node: 'v1',
  Pod: 'v1',
};

/** One object can have no more of them than this. */
const MAX_PROBLEMS = 10;
/** A diagnostic's bound for its message. */
const MAX_MESSAGE = 1024;

/**
 * One diagnostic for each part that could not be read of what matters here: accepted Ingresses, the Services they name with their
 * EndpointSlices, and what is kept only because it is referenced. The objects of others are not ours to complain about: `accepts` says which
 * Ingresses are.
 */
export function malformedDiagnostics(
  cluster: Pick<Cluster, 'cache' | 'malformed'>,
  services: () => readonly ObjectKey[],
  settings: Settings,
  accepts: (ingress: Ingress) => boolean = (ingress) => isAccepted(ingress, cluster.cache, settings),
): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  // Asked for once, and only if anything is malformed at all: there may be thousands of both.
  let keys: ReadonlySet<string> | null = null;
  const named = (namespace: string | undefined, service: string | undefined): boolean => {
    keys ??= new Set(services().map((key) => keyOf(key.namespace, key.name)));
    return keys.has(keyOf(namespace, service));
  };
  for (const { kind, namespace, name, problems } of cluster.malformed()) {
    const object = cluster.cache.get(kind, namespace, name);
    if (object === undefined || !matters(kind, object, named, accepts)) continue;
    const { uid } = object.metadata;
    const ref: ObjectRef = { apiVersion: API_VERSIONS[kind], kind, namespace, name, ...(uid === undefined ? {} : { uid }) };
    for (const problem of problems.slice(0, MAX_PROBLEMS)) {
      diagnostics.push({
        code: 'ObjectMalformed',
        severity: 'error',
        object: ref,
        field: /^\.?(\S+)/u.exec(problem)?.[1] ?? '',
        message: problem.slice(0, MAX_MESSAGE),
        served: 'The object without that part.',
      });
    }
  }
  // Malformed objects come in the order in which they arrived, which two replicas do not share.
  return diagnostics.sort(compareDiagnostics);
}

function keyOf(namespace: string | undefined, name: string | undefined): string {
  return JSON.stringify([namespace, name]);
}

function matters(
  kind: WatchedKind,
  object: KubeObject,
  named: (namespace: string | undefined, service: string | undefined) => boolean,
  accepts: (ingress: Ingress) => boolean,
): boolean {
  const { namespace, name, labels } = object.metadata;
  switch (kind) {
    case 'Ingress':
      return accepts(object);
    case 'Service':
      return named(namespace, name);
    case 'EndpointSlice':
      return named(namespace, labels?.[SERVICE_NAME_LABEL]);
    case 'Secret':
    case 'ConfigMap':
    case 'IngressClass':
      return true;
    case 'Namespace':
    case 'Node':
    case 'Pod':
      break;
  }
  return false;
}
