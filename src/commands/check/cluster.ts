/** Objects from a live cluster: lists and gets, nothing else. */
import { ApiError } from '../../cluster/http/api-error.ts';
import { createKubeClient, type KubeClient } from '../../cluster/http/kube-client.ts';
import { loadKubeConfig } from '../../cluster/http/kube-config.ts';
import { collectionPath, objectPath, type Resource, RESOURCES } from '../../cluster/resources.ts';
import { isObject, stringAt } from '../../cluster/embedded/api/json.ts';
import { SYSTEM_TIMING } from '../../cluster/timing.ts';
import type { ObjectKey } from '../../cluster/cluster.ts';
import { SILENT_LOG } from '../../observe/log.ts';
import type { Settings } from '../../settings/settings.ts';
import type { CheckInput } from './input.ts';

const PAGE = 500;
/** A list that the server forgets while it is read is begun anew so often. */
const ATTEMPTS = 3;
const DEPLOYMENTS: Resource = { apiVersion: 'apps/v1', plural: 'deployments', namespaced: true };
const DAEMON_SETS: Resource = { apiVersion: 'apps/v1', plural: 'daemonsets', namespaced: true };

/** Reads a cluster. Errors go to `input.unreadable`. */
export class ClusterReader {
  readonly #input: CheckInput;
  readonly #client: KubeClient;

  /** `settings`: where the cluster is. Throws an Error when its configuration cannot be read. */
  constructor(input: CheckInput, settings: Settings) {
    this.#input = input;
    const load = () => loadKubeConfig(settings.controller);
    load();
    this.#client = createKubeClient({ load, timing: SYSTEM_TIMING, log: SILENT_LOG });
  }

  /** Ingresses, their classes and Services; of ingress-nginx its Deployments and DaemonSets, if they may be seen. */
  async readObjects(namespace: string): Promise<void> {
    await this.#list('Ingress', RESOURCES.Ingress, namespace);
    await this.#list('IngressClass', RESOURCES.IngressClass, '');
    await this.#list('Service', RESOURCES.Service, namespace);
    for (const [kind, resource] of [
      ['Deployment', DEPLOYMENTS],
      ['DaemonSet', DAEMON_SETS],
    ] as const) {
      try {
        await this.#pages(kind, resource, '');
      } catch (error) {
        this.#input.remarks.push(
          `The ${resource.plural} cannot be listed, so their arguments were not read: ${reason(error)}.`,
        );
      }
    }
  }

  /** Reads objects by name; one that does not exist is none. */
  async readNamed(kind: 'ConfigMap' | 'Secret', keys: readonly ObjectKey[]): Promise<void> {
    for (const { namespace, name } of keys) {
      try {
        const value = await this.#client.request({ path: objectPath(RESOURCES[kind], namespace, name) });
        this.#take(kind, RESOURCES[kind], value, namespace);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) continue;
        this.#input.unreadable.push(`${kind} ${namespace}/${name}: ${reason(error)}`);
      }
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #list(kind: 'Ingress' | 'IngressClass' | 'Service', resource: Resource, namespace: string): Promise<void> {
    try {
      await this.#pages(kind, resource, namespace);
    } catch (error) {
      this.#input.unreadable.push(`${resource.plural}: ${reason(error)}`);
    }
  }

  async #pages(kind: string, resource: Resource, namespace: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        // Taken in when the list is whole: one that is begun anew brings all of it again.
        for (const item of await this.#wholeList(resource, namespace)) this.#take(kind, resource, item, namespace);
        return;
      } catch (error) {
        // 410: the list changed while it was read, and its older state is gone.
        if (!(error instanceof ApiError && error.status === 410 && attempt < ATTEMPTS)) throw error;
      }
    }
  }

  async #wholeList(resource: Resource, namespace: string): Promise<readonly unknown[]> {
    const items: unknown[] = [];
    let token = '';
    do {
      const query = `limit=${PAGE}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`;
      const page = await this.#client.request({ path: `${collectionPath(resource, namespace)}?${query}` });
      const found = isObject(page) ? page['items'] : undefined;
      if (!Array.isArray(found)) throw new Error('the answer is no list');
      items.push(...(found as readonly unknown[]));
      token = stringAt(page, 'metadata', 'continue') ?? '';
    } while (token !== '');
    return items;
  }

  #take(kind: string, { apiVersion }: Resource, value: unknown, namespace: string): void {
    if (isObject(value)) this.#input.add({ ...value, apiVersion, kind }, namespace, 'the cluster');
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
