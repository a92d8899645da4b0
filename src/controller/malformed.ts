/** Objects with a field of a wrong type: the store leaves that part out, and here it becomes a diagnostic. */
import type { MalformedObject, WatchedKind } from '../cluster/cluster.ts';
import type { Diagnostic } from '../model/diagnostic.ts';

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

/** One diagnostic for each part that could not be read. */
export function malformedDiagnostics(objects: Iterable<MalformedObject>): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const { kind, namespace, name, problems } of objects) {
    for (const problem of problems.slice(0, MAX_PROBLEMS)) {
      diagnostics.push({
        code: 'ObjectMalformed',
        severity: 'error',
        object: { apiVersion: API_VERSIONS[kind], kind, namespace, name },
        field: /^\.?(\S+)/u.exec(problem)?.[1] ?? '',
        message: problem.slice(0, MAX_MESSAGE),
        served: 'The object without that part.',
      });
    }
  }
  return diagnostics;
}
