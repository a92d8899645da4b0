/** All controllers of the embedded cluster over one storage. */
import { createPodAddresses } from '../backends/addresses.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';
import type { Controller } from './controller.ts';
import { startDeploymentController } from './workloads/deployments.ts';
import { startEndpointSliceController } from './services/endpoint-slices.ts';
import { createEventRecorder } from './events.ts';
import { startLoadBalancerController } from './services/load-balancer.ts';
import { startPodController } from './workloads/pods.ts';
import type { PodController, PodOptions } from './workloads/pods.ts';
import { startReplicaSetController } from './workloads/replica-sets.ts';

/** Settings of the controllers; see PodOptions for those of Pods. */
export interface ControllersOptions extends Partial<PodOptions> {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told of failures that are tried again. Printed to standard error when it is left out. */
  readonly report?: (message: string, error: unknown) => void;
}

/** Running controllers. */
export interface Controllers extends Controller {
  readonly pods: PodController;
}

function printFailure(message: string, error: unknown): void {
  process.stderr.write(`${message}: ${error instanceof Error ? error.stack : String(error)}\n`);
}

/** Starts every controller. */
export function startControllers(storage: MemoryStorage, options: ControllersOptions = {}): Controllers {
  const now = options.now ?? Date.now;
  const context = { storage, now, record: createEventRecorder(storage, now), report: options.report ?? printFailure };
  const addresses = options.addresses ?? createPodAddresses((process.pid % 256) * 254);
  const pods = startPodController(context, { ...options, addresses });
  const all: Controller[] = [
    startDeploymentController(context),
    startReplicaSetController(context),
    startEndpointSliceController(context),
    startLoadBalancerController(context),
    pods,
  ];
  return {
    pods,
    close: async () => {
      await Promise.all(all.map((controller) => controller.close()));
    },
  };
}
