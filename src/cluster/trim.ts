/**
 * Untrusted JSON → the narrow shapes of `model/objects.ts`: only the fields we read are kept, frozen. A field of a wrong type
 * is left out and reported, so that nothing behind the store needs to check types again.
 */
import { SERVICE_NAME_LABEL } from '../model/objects.ts';
import type { ObjectMeta } from '../model/objects.ts';
import type { WatchedKind, WatchedKinds } from './cluster.ts';
import { RESOURCES } from './resources.ts';

/** Returns undefined when nothing usable is there, and says so in `problems` when something else is. */
type Reader<T> = (value: unknown, field: string, problems: string[]) => T | undefined;
/** The members of an object; a JSON null is as good as absent. */
type Members<T> = { readonly [K in keyof T]-?: Reader<NonNullable<T[K]>> };

/** More problems than this of one object help nobody. */
const MOST_PROBLEMS = 20;

function wrong(field: string, expected: string, problems: string[]): undefined {
  if (problems.length < MOST_PROBLEMS) {
    problems.push(`${field} is not ${expected}`);
  }
  return undefined;
}

function primitive<T>(type: 'string' | 'number' | 'boolean'): Reader<T> {
  return (value, field, problems) => (typeof value === type ? (value as T) : wrong(field, `a ${type}`, problems));
}

const text = primitive<string>('string');
const number = primitive<number>('number');
const flag = primitive<boolean>('boolean');

const numberOrText: Reader<number | string> = (value, field, problems) =>
  typeof value === 'number' || typeof value === 'string' ? value : wrong(field, 'a number or a string', problems);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object with these members. Without a required one the whole is left out. */
function shape<T extends object>(members: Members<T>, required: readonly (keyof T & string)[] = []): Reader<T> {
  const entries = Object.entries<Reader<unknown>>(members);
  return (value, field, problems) => {
    if (!isObject(value)) {
      return wrong(field, 'an object', problems);
    }
    const result: Record<string, unknown> = {};
    for (const [name, read] of entries) {
      const raw = Object.hasOwn(value, name) ? value[name] : undefined;
      const kept = raw === undefined || raw === null ? undefined : read(raw, `${field}.${name}`, problems);
      if (kept !== undefined) {
        result[name] = kept;
      } else if ((required as readonly string[]).includes(name)) {
        return wrong(`${field}.${name}`, 'there', problems);
      }
    }
    return Object.freeze(result) as T;
  };
}

function list<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, field, problems) => {
    if (!Array.isArray(value)) {
      return wrong(field, 'an array', problems);
    }
    const kept = value.map((item, index) => read(item, `${field}[${index}]`, problems));
    return Object.freeze(kept.filter((item) => item !== undefined));
  };
}

/** A map of strings. Without a prototype: its keys are names from outside. */
function textMap(keep: (key: string) => boolean = () => true): Reader<Readonly<Record<string, string>>> {
  return (value, field, problems) => {
    if (!isObject(value)) {
      return wrong(field, 'an object', problems);
    }
    const result = Object.create(null) as Record<string, string>;
    for (const [key, item] of Object.entries(value)) {
      if (typeof item !== 'string') {
        wrong(`${field}[${JSON.stringify(key)}]`, 'a string', problems);
      } else if (keep(key)) {
        result[key] = item;
      }
    }
    return Object.freeze(result);
  };
}

const nothing: Reader<never> = () => undefined;

const metadata = {
  name: text,
  namespace: text,
  uid: text,
  resourceVersion: text,
  generation: number,
  creationTimestamp: text,
  deletionTimestamp: text,
  labels: textMap(),
  // As large as the object itself, and never read.
  annotations: textMap((key) => key !== 'kubectl.kubernetes.io/last-applied-configuration'),
} satisfies Members<ObjectMeta>;

const anyMeta = shape<ObjectMeta>(metadata, ['name']);
/** The endpoints controller stamps every slice with a time; were it kept, every such stamp would be a change. */
const sliceMeta = shape<ObjectMeta>(
  { ...metadata, annotations: nothing, labels: textMap((key) => key === SERVICE_NAME_LABEL) },
  ['name'],
);

const port = shape({ name: text, number });
const backend = shape({
  service: shape({ name: text, port }, ['name']),
  resource: shape({ apiGroup: text, kind: text, name: text }, ['kind', 'name']),
});
const loadBalancer = shape({ loadBalancer: shape({ ingress: list(shape({ ip: text, hostname: text })) }) });
const noFields = { apiVersion: nothing, kind: nothing };

const READERS: { readonly [K in WatchedKind]: Reader<WatchedKinds[K]> } = {
  Ingress: shape<WatchedKinds['Ingress']>(
    {
      ...noFields,
      metadata: anyMeta,
      spec: shape({
        ingressClassName: text,
        defaultBackend: backend,
        rules: list(shape({ host: text, http: shape({ paths: list(shape({ path: text, pathType: text, backend })) }) })),
        tls: list(shape({ hosts: list(text), secretName: text })),
      }),
      status: loadBalancer,
    },
    ['metadata'],
  ),
  IngressClass: shape<WatchedKinds['IngressClass']>({ ...noFields, metadata: anyMeta, spec: shape({ controller: text }) }, [
    'metadata',
  ]),
  Service: shape<WatchedKinds['Service']>(
    {
      ...noFields,
      metadata: anyMeta,
      spec: shape({
        type: text,
        clusterIP: text,
        clusterIPs: list(text),
        externalName: text,
        externalIPs: list(text),
        trafficDistribution: text,
        ports: list(shape({ name: text, protocol: text, port: number, targetPort: numberOrText, appProtocol: text }, ['port'])),
      }),
      status: loadBalancer,
    },
    ['metadata'],
  ),
  EndpointSlice: shape<WatchedKinds['EndpointSlice']>(
    {
      ...noFields,
      metadata: sliceMeta,
      addressType: text,
      endpoints: list(
        shape({
          addresses: list(text),
          conditions: shape({ ready: flag, serving: flag, terminating: flag }),
          hints: shape({ forZones: list(shape({ name: text }, ['name'])) }),
          targetRef: shape({ kind: text, namespace: text, name: text }),
        }),
      ),
      ports: list(shape({ name: text, protocol: text, port: number, appProtocol: text })),
    },
    ['metadata'],
  ),
  Secret: shape<WatchedKinds['Secret']>({ ...noFields, metadata: anyMeta, type: text, data: textMap() }, ['metadata']),
  ConfigMap: shape<WatchedKinds['ConfigMap']>({ ...noFields, metadata: anyMeta, data: textMap() }, ['metadata']),
  Namespace: shape<WatchedKinds['Namespace']>({ ...noFields, metadata: anyMeta, status: shape({ phase: text }) }, ['metadata']),
  Node: shape<WatchedKinds['Node']>(
    {
      ...noFields,
      metadata: anyMeta,
      status: shape({ addresses: list(shape({ type: text, address: text }, ['type', 'address'])) }),
    },
    ['metadata'],
  ),
  Pod: shape<WatchedKinds['Pod']>(
    {
      ...noFields,
      metadata: anyMeta,
      spec: shape({ nodeName: text }),
      status: shape({ phase: text, conditions: list(shape({ type: text, status: text }, ['type', 'status'])) }),
    },
    ['metadata'],
  ),
};

/** An object as it is kept, and what of it could not be. */
interface Trimmed<K extends WatchedKind> {
  /** Undefined when it has no usable name. */
  readonly object: WatchedKinds[K] | undefined;
  /** Sentences like `.spec.rules[0].host is not a string`. */
  readonly problems: readonly string[];
}

/** Trims one untrusted object. Never throws. `apiVersion` and `kind`, which lists leave out, are filled in. */
export function trim<K extends WatchedKind>(kind: K, value: unknown): Trimmed<K> {
  const problems: string[] = [];
  const kept = READERS[kind](value, '', problems);
  if (kept === undefined) {
    return { object: undefined, problems };
  }
  const whole = { ...kept, apiVersion: RESOURCES[kind].apiVersion, kind };
  return { object: Object.freeze(whole), problems };
}

/**
 * Whether two versions of an object mean the same to us: `resourceVersion` and `generation` do not count, nor, on the
 * outermost level, do the members named in `ignore`.
 */
export function sameMeaning(a: object, b: object, ignore: readonly string[] = []): boolean {
  return sameMembers(
    a,
    b,
    (name) => ignore.includes(name),
    (name) => name === 'resourceVersion' || name === 'generation',
  );
}

function sameMembers(
  a: object,
  b: object,
  skip: (name: string) => boolean,
  skipInMetadata: (name: string) => boolean = skip,
): boolean {
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const names = Object.keys(left).filter((name) => !skip(name));
  return (
    names.length === Object.keys(right).filter((name) => !skip(name)).length &&
    names.every(
      (name) => Object.hasOwn(right, name) && sameValue(left[name], right[name], name === 'metadata' ? skipInMetadata : never),
    )
  );
}

function never(): boolean {
  return false;
}

function sameValue(a: unknown, b: unknown, skip: (name: string) => boolean): boolean {
  if (a === b) {
    return true;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return false;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameValue(item, b[at], never))
    );
  }
  return sameMembers(a, b, skip, never);
}
