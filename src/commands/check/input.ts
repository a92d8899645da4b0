/** What is checked: objects, from manifests or a cluster, in the store that the controller has too. */
import { isObject, objectAt, stringAt, valueAt, type JsonObject } from '../../cluster/embedded/api/json.ts';
import { ObjectStore } from '../../cluster/store.ts';
import { quote } from '../../model/report.ts';
import { SILENT_LOG } from '../../observe/log.ts';
import { type Finding, reference } from './finding.ts';

/** The kinds that translation looks up, of which none may have been given. */
export type GivenKind = 'IngressClass' | 'Service' | 'EndpointSlice' | 'Secret' | 'ConfigMap';

/** A container that runs ingress-nginx. */
export interface ControllerWorkload {
  readonly kind: 'Deployment' | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
  /** The field of its arguments. */
  readonly field: string;
  readonly args: readonly string[];
}

const WATCHED = new Set(['Ingress', 'IngressClass', 'Service', 'EndpointSlice', 'Secret', 'ConfigMap'] as const);
const GROUPS: ReadonlyMap<string, string> = new Map([
  ['Ingress', 'networking.k8s.io/v1'],
  ['IngressClass', 'networking.k8s.io/v1'],
  ['EndpointSlice', 'discovery.k8s.io/v1'],
  ['Service', 'v1'],
  ['Secret', 'v1'],
  ['ConfigMap', 'v1'],
]);
/** Versions that API servers had, and of which the objects are much the same. */
const REMOVED = new Set([
  'extensions/v1beta1 Ingress',
  'networking.k8s.io/v1beta1 Ingress',
  'networking.k8s.io/v1beta1 IngressClass',
]);
const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';

/** Gathers objects. */
export class CheckInput {
  readonly store = new ObjectStore({ log: SILENT_LOG });
  readonly given = new Set<GivenKind>();
  readonly workloads: ControllerWorkload[] = [];
  /** About the objects themselves, before anything is made of them. */
  readonly findings: Finding[] = [];
  /** What could not be read, a line each. */
  readonly unreadable: string[] = [];
  /** Sentences about what was and was not looked at. */
  readonly remarks: string[] = [];
  /** The IngressClass that the cluster gives Ingresses without a class. */
  defaultClass: string | null = null;
  readonly #seen = new Map<string, string>();

  /** Takes in one object, or the items of a List; what is no object of ours is passed over. `place` is for messages. */
  add(value: unknown, namespace: string, place: string): void {
    if (!isObject(value)) return;
    const kind = stringAt(value, 'kind') ?? '';
    const apiVersion = stringAt(value, 'apiVersion') ?? '';
    const items = value['items'];
    if (kind.endsWith('List') && Array.isArray(items)) {
      // The API server leaves out of the items of its lists what they all share.
      const implied = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
      for (const item of items as readonly unknown[]) if (isObject(item)) this.add({ ...implied, ...item }, namespace, place);
      return;
    }
    const name = stringAt(value, 'metadata', 'name');
    if (name === undefined || name === '') return;
    if (kind === 'Deployment' || kind === 'DaemonSet') this.#addWorkload(kind, value, namespace);
    else if (REMOVED.has(`${apiVersion} ${kind}`)) this.#tellRemoved(apiVersion, kind, value, namespace);
    else if (GROUPS.get(kind) === apiVersion) this.#put(kind, value, namespace, place);
  }

  #put(kind: string, value: JsonObject, namespace: string, place: string): void {
    const watched = [...WATCHED].find((each) => each === kind);
    if (watched === undefined) return;
    const scoped = watched === 'IngressClass' ? '' : stringAt(value, 'metadata', 'namespace') || namespace;
    const name = stringAt(value, 'metadata', 'name') ?? '';
    const key = JSON.stringify([kind, scoped, name]);
    const before = this.#seen.get(key);
    if (before !== undefined) {
      this.findings.push({
        code: 'DuplicateObject',
        severity: 'warning',
        object: reference(GROUPS.get(kind) ?? '', kind, scoped, name),
        field: 'metadata.name',
        message: `in ${quote(place)} and before in ${quote(before)}`,
        served: 'The first is checked.',
        alike: true,
        advice: 'Check what belongs to different clusters one by one.',
      });
      return;
    }
    this.#seen.set(key, place);
    if (watched !== 'Ingress') this.given.add(watched);
    if (watched === 'IngressClass' && stringAt(value, 'metadata', 'annotations', DEFAULT_CLASS) === 'true')
      this.defaultClass = name;
    const metadata = { ...objectAt(value, 'metadata'), ...(scoped === '' ? {} : { namespace: scoped }) };
    this.store.put(watched, { ...value, metadata, ...(watched === 'Secret' ? secretData(value) : {}) });
  }

  #tellRemoved(apiVersion: string, kind: string, value: JsonObject, namespace: string): void {
    this.findings.push({
      code: 'ApiVersionRemoved',
      severity: 'warning',
      object: reference(
        apiVersion,
        kind,
        kind === 'IngressClass' ? '' : stringAt(value, 'metadata', 'namespace') || namespace,
        stringAt(value, 'metadata', 'name') ?? '',
      ),
      field: 'apiVersion',
      message: `${apiVersion} was removed in Kubernetes 1.22`,
      served: 'It is not checked.',
      alike: true,
      advice: 'Write it as networking.k8s.io/v1 (kubectl convert does), then check it.',
    });
  }

  #addWorkload(kind: ControllerWorkload['kind'], value: JsonObject, fallback: string): void {
    const namespace = stringAt(value, 'metadata', 'namespace') || fallback;
    const name = stringAt(value, 'metadata', 'name') ?? '';
    const containers = valueAt(value, 'spec', 'template', 'spec', 'containers');
    if (!Array.isArray(containers)) return;
    for (const [index, container] of (containers as readonly unknown[]).entries()) {
      const image = stringAt(container, 'image') ?? '';
      const args = [...texts(valueAt(container, 'command')), ...texts(valueAt(container, 'args'))];
      const program = args.findIndex((text) => /(?:^|\/)nginx-ingress-controller$/u.test(text));
      if (program < 0 && !/ingress-nginx\/controller|nginx-ingress-controller/u.test(image)) continue;
      this.workloads.push({
        kind,
        namespace,
        name,
        field: `spec.template.spec.containers[${index}].args`,
        // Kubernetes puts these variables in (core/v1, Container.args).
        args: args
          .slice(program + 1)
          .map((text) => text.replaceAll('$(POD_NAMESPACE)', namespace).replaceAll('$(POD_NAME)', name)),
      });
    }
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** What an API server makes of `stringData`. */
function secretData(value: JsonObject): { readonly data?: JsonObject } {
  const plain = objectAt(value, 'stringData');
  if (plain === undefined) return {};
  const coded = Object.entries(plain).flatMap(([key, text]) =>
    typeof text === 'string' ? [[key, Buffer.from(text).toString('base64')] as const] : [],
  );
  return { data: { ...objectAt(value, 'data'), ...Object.fromEntries(coded) } };
}
