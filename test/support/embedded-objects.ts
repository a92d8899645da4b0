/** A storage with all controllers of the embedded cluster, and short ways to write objects for it. */
import { MemoryStorage } from '../../src/cluster/embedded/api/memory-storage.ts';
import type { AdmissionHook } from '../../src/cluster/embedded/api/memory-storage.ts';
import type { NewObject, StoredObject } from '../../src/cluster/embedded/api/storage.ts';
import { startControllers } from '../../src/cluster/embedded/controllers/controllers.ts';
import type { Controllers, ControllersOptions } from '../../src/cluster/embedded/controllers/controllers.ts';
import { createServiceAdmission } from '../../src/cluster/embedded/controllers/services/cluster-ip.ts';

/** A cluster without its HTTP server. Pods listen on free ports and drain for no time unless told otherwise. */
export interface BareCluster {
  readonly storage: MemoryStorage;
  readonly controllers: Controllers;
  /** What was reported as failed and tried again. */
  readonly failures: string[];
  readonly create: (object: NewObject) => StoredObject;
  readonly get: (apiVersion: string, plural: string, name: string) => StoredObject | undefined;
  readonly list: (apiVersion: string, plural: string) => StoredObject[];
  readonly close: () => Promise<void>;
}

const PLURALS: ReadonlyMap<string, string> = new Map([
  ['Pod', 'pods'],
  ['Service', 'services'],
  ['Deployment', 'deployments'],
  ['ReplicaSet', 'replicasets'],
  ['Namespace', 'namespaces'],
  ['EndpointSlice', 'endpointslices'],
  ['CustomResourceDefinition', 'customresourcedefinitions'],
  ['IPAddressPool', 'ipaddresspools'],
]);

/** `admission` is called for every creation and update. */
export interface BareClusterOptions extends ControllersOptions {
  readonly admission?: AdmissionHook;
}

export function startBareCluster(options: BareClusterOptions = {}): BareCluster {
  const failures: string[] = [];
  const storage: MemoryStorage = new MemoryStorage({
    admission: [
      (type, object, old) => {
        if (type.storageKey === 'services') admitService(object, old);
        options.admission?.(type, object, old);
      },
    ],
  });
  const admitService = createServiceAdmission({ services: () => storage.resource('v1', 'services').list() });
  const namespaces = storage.resource('v1', 'namespaces');
  for (const name of ['default', 'metallb-system']) {
    namespaces.create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const controllers = startControllers(storage, {
    defaultPort: 0,
    drainDelayMs: 0,
    report: (message, error) => failures.push(`${message}: ${String(error)}`),
    ...options,
  });
  return {
    storage,
    controllers,
    failures,
    create: (object) => {
      const kind = String(object['kind']);
      const plural = PLURALS.get(kind) ?? '';
      const clusterScoped = kind === 'CustomResourceDefinition' || kind === 'Namespace';
      const namespace = object.metadata.namespace ?? 'default';
      return storage.resource(String(object['apiVersion']), plural).create(clusterScoped ? '' : namespace, object);
    },
    get: (apiVersion, plural, name) => storage.resource(apiVersion, plural).get('default', name),
    list: (apiVersion, plural) => storage.resource(apiVersion, plural).list('default'),
    close: () => controllers.close(),
  };
}

/** A Pod labelled `app: NAME`. */
export function podObject(name: string, annotations: Record<string, string> = {}, ports: readonly object[] = []): NewObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name }, annotations },
    spec: { containers: [{ name: 'web', image: 'backend', ports }] },
  };
}

/** A Deployment whose Pods are labelled `app: NAME`. */
export function deploymentObject(name: string, replicas: number, more: object = {}): NewObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'backend:1' }] } },
      ...more,
    },
  };
}

/** A Service for the Pods labelled `app: NAME`. */
export function serviceObject(name: string, more: object = {}): NewObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...more },
  };
}
