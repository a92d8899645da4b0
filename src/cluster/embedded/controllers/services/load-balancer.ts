/** Gives Services of type LoadBalancer an address of an IPAddressPool, as MetalLB's controller does. */
import { arrayAt, equalJson, isObject, stringAt, valueAt } from '../../api/json.ts';
import type { StorageEvent, StoredObject } from '../../api/storage.ts';
import { ControllerLoop, namespaceOf } from '../controller.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { statusOf } from '../pod-state.ts';
import { allocate, readPool } from './pools.ts';
import type { Pool } from './pools.ts';

const COMPONENT = 'metallb-controller';
const POOLS = 'ipaddresspools';
const POOL_API = 'metallb.io/v1beta1';
const POOL_CRD = `${POOLS}.metallb.io`;
const FROM_POOL = 'metallb.io/ip-allocated-from-pool';

function addressOf(service: StoredObject): string | undefined {
  return stringAt(arrayAt(service, 'status', 'loadBalancer', 'ingress').find(isObject), 'ip');
}

/** Whether the Service wants an address from us: another class of load balancer serves itself. */
function isOurs(service: StoredObject): boolean {
  const loadBalancerClass = stringAt(service, 'spec', 'loadBalancerClass');
  return (
    stringAt(service, 'spec', 'type') === 'LoadBalancer' &&
    (loadBalancerClass === undefined || loadBalancerClass === 'metallb') &&
    service.metadata.deletionTimestamp === undefined
  );
}

/**
 * Starts the controller. It may start before the CustomResourceDefinition of the pools is there, and pools may come after the
 * Services that need them.
 */
export function startLoadBalancerController(context: ControllerContext): Controller {
  const { storage } = context;
  const services = storage.resource('v1', 'services');
  const pools = new Map<string, Map<string, Pool>>();
  let watchingPools = false;

  const addAll = (): void => {
    for (const service of services.list()) {
      if (isOurs(service) || addressOf(service) !== undefined) loop.queue.add(namespaceOf(service), service.metadata.name);
    }
  };

  const reconcile = (namespace: string, name: string): void => {
    const service = services.get(namespace, name);
    if (!service) return;
    const current = addressOf(service);
    if (!isOurs(service)) {
      // A class of its own means that somebody else wrote the address.
      if (current !== undefined && stringAt(service, 'spec', 'type') !== 'LoadBalancer') setAddress(service, undefined);
      return;
    }
    const used = new Set<string>();
    for (const other of services.list()) {
      const address = other.metadata.uid === service.metadata.uid ? undefined : addressOf(other);
      if (address !== undefined) used.add(address);
    }
    const known = [...pools.values()].flatMap((ofNamespace) => [...ofNamespace.values()]);
    const result = allocate(service, known, current, (address) => used.has(address));
    if ('problem' in result) {
      setAddress(service, undefined);
      const message = `Failed to allocate IP for "${namespace}/${name}": ${result.problem}`;
      context.record(COMPONENT, service, 'Warning', 'AllocationFailed', message);
      return;
    }
    if (result.address === current && service.metadata.annotations?.[FROM_POOL] === result.pool) return;
    setAddress(service, result.address, result.pool);
    if (result.address !== current)
      context.record(COMPONENT, service, 'Normal', 'IPAllocated', `Assigned IP ["${result.address}"]`);
  };

  const setAddress = (service: StoredObject, address: string | undefined, pool?: string): void => {
    const { name } = service.metadata;
    const namespace = namespaceOf(service);
    if (service.metadata.annotations?.[FROM_POOL] !== pool) {
      services.update(namespace, name, (object) => {
        const { [FROM_POOL]: _, ...rest } = object.metadata.annotations ?? {};
        object.metadata.annotations = pool === undefined ? rest : { ...rest, [FROM_POOL]: pool };
        if (Object.keys(object.metadata.annotations).length === 0) delete object.metadata.annotations;
      });
    }
    services.update(
      namespace,
      name,
      (object) => {
        statusOf(object)['loadBalancer'] = address === undefined ? {} : { ingress: [{ ip: address, ipMode: 'VIP' }] };
      },
      'status',
    );
  };

  const onPool = ({ type, object, previous }: StorageEvent): void => {
    const namespace = namespaceOf(object);
    const ofNamespace = pools.get(namespace) ?? new Map<string, Pool>();
    pools.set(namespace, ofNamespace);
    if (type === 'DELETED') {
      ofNamespace.delete(object.metadata.name);
    } else {
      const pool = readPool(object);
      ofNamespace.set(object.metadata.name, pool);
      if (previous && equalJson(previous['spec'], object['spec'])) return;
      for (const error of pool.errors) context.record(COMPONENT, object, 'Warning', 'InvalidAddresses', error);
    }
    addAll();
  };

  const loop = new ControllerLoop('load-balancer', context, reconcile);
  loop.watch('v1', 'services', ({ type, object, previous }) => {
    if (type !== 'DELETED') loop.queue.add(namespaceOf(object), object.metadata.name);
    // An address that became free may be what another Service waits for.
    const before = previous && addressOf(previous);
    if (before !== undefined && (type === 'DELETED' || before !== addressOf(object))) {
      for (const service of services.list()) {
        if (isOurs(service) && addressOf(service) === undefined) loop.queue.add(namespaceOf(service), service.metadata.name);
      }
    }
  });
  loop.watch('apiextensions.k8s.io/v1', 'customresourcedefinitions', ({ type, object }) => {
    const served = arrayAt(object, 'spec', 'versions').some(
      (version) => stringAt(version, 'name') === 'v1beta1' && valueAt(version, 'served') === true,
    );
    if (watchingPools || type === 'DELETED' || object.metadata.name !== POOL_CRD || !served) return;
    // What is watched outlives the definition, should it go and come back.
    watchingPools = true;
    loop.watch(POOL_API, POOLS, onPool);
  });
  return loop;
}
