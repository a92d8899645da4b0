/** `service-upstream`: the cluster IP of the Service is the one endpoint, instead of its Pods. */
import type { PolicyReader } from '../policy.ts';

/** Whether the Ingress asks for it. It holds for a whole upstream group: the oldest Ingress that names the Service port decides. */
export const serviceUpstream: PolicyReader<boolean> = {
  annotations: ['service-upstream'],
  read: (source, settings) => source.bool('service-upstream', settings.serviceUpstream),
};
