/** A Kubernetes cluster in this process: an API server, the controllers an ingress needs, and a backend behind each Pod. */
import { applyObjects, deleteObjects } from './apply.ts';
import type { ApplyError, ApplyOutcome } from './apply.ts';
import type { JsonObject } from './api/json.ts';
import { apiService } from './api/first-objects.ts';
import { startApiServer } from './api/server.ts';
import type { ApiServer, ApiServerOptions } from './api/server.ts';
import { startControllers } from './controllers/controllers.ts';
import type { ControllersOptions } from './controllers/controllers.ts';
import type { PodController } from './controllers/workloads/pods.ts';
import { createServiceAdmission, SERVICE_CIDR } from './controllers/services/cluster-ip.ts';
import { formatIPv4, parseRange } from './controllers/services/ip-ranges.ts';
import type { IpRange } from './controllers/services/ip-ranges.ts';

/** Where the cluster listens and how its Pods behave; see ApiServerOptions, ControllersOptions and PodOptions. */
export interface EmbeddedClusterOptions extends Omit<ApiServerOptions, 'port' | 'address'>, ControllersOptions {
  /** 0 for any free port. */
  readonly apiPort: number;
  /** 127.0.0.1 when it is left out. */
  readonly apiAddress?: string;
  /** The range of ClusterIPs as a CIDR; `10.96.0.0/12` when it is left out. Nothing listens on them. */
  readonly serviceCidr?: string;
}

/** A running cluster. `goAway` and `comeBack` are of the API server alone: Pods serve on meanwhile. */
export interface EmbeddedCluster extends Omit<ApiServer, 'close'> {
  readonly pods: PodController;
  /** Creates objects or changes them to what is given, by the rules of the HTTP API. Never throws for an object. */
  readonly apply: (objects: readonly object[]) => ApplyOutcome;
  /** Deletes objects by their names; those that are gone already are no error. */
  readonly delete: (objects: readonly object[]) => readonly ApplyError[];
  /** Ends every Pod and the API server. Resolves when nothing is open. */
  readonly close: () => Promise<void>;
}

/** Starts a cluster. Rejects when the API server's port is taken. */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const now = options.now ?? Date.now;
  const admitService = createServiceAdmission({
    services: () => server.storage.collection('services').list(),
    ...(options.serviceCidr === undefined ? {} : { serviceCidr: options.serviceCidr }),
  });
  const server: ApiServer = await startApiServer({
    ...options,
    port: options.apiPort,
    ...(options.apiAddress === undefined ? {} : { address: options.apiAddress }),
    admission: [
      (type, object, old) => {
        if (type.storageKey === 'services') admitService(object, old);
      },
      ...(options.admission ?? []),
    ],
  });
  const { first } = parseRange(options.serviceCidr ?? SERVICE_CIDR) as IpRange;
  server.storage.resource('v1', 'services').create('default', apiService(formatIPv4(first + 1)));
  const controllers = startControllers(server.storage, options);
  return {
    ...server,
    pods: controllers.pods,
    apply: (objects) => applyObjects(server.storage, objects as readonly JsonObject[], now()),
    delete: (objects) => deleteObjects(server.storage, objects as readonly JsonObject[]),
    close: async () => {
      await server.close();
      await controllers.close();
    },
  };
}
