/**
 * Leader election by a Lease of coordination.k8s.io/v1, as client-go does it: whoever holds the lease renews it, the others
 * wait until it has not changed for its whole duration by their own clock. The clocks of two replicas are never compared.
 */
import type { Logger } from '../observe/log.ts';
import type { ApiError } from './http/api-error.ts';
import { toApiError } from './http/api-error.ts';
import type { KubeClient } from './http/kube-client.ts';
import { LEASES, collectionPath, objectPath } from './resources.ts';
import { pause } from './timing.ts';
import type { Timing } from './timing.ts';

interface ElectionOptions {
  readonly client: KubeClient;
  readonly timing: Timing;
  readonly log: Logger;
  /** Of the Lease: the controller's own namespace and `--election-id`. */
  readonly namespace: string;
  readonly name: string;
  /** Unique among the replicas: the Pod's name. */
  readonly identity: string;
  /** `--election-ttl`, milliseconds: how long a lease that is not renewed still holds. */
  readonly ttl: number;
  readonly onElected?: () => void;
  readonly onLost?: () => void;
}

export interface Election {
  /** True only while our lease certainly holds by our own clock, also after this process was suspended. */
  readonly isLeader: () => boolean;
  /** Gives the lease back, so that the next leader need not wait for it to run out. Never rejects. */
  readonly stop: () => Promise<void>;
}

interface LeaseSpec {
  readonly holderIdentity: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly acquireTime: string | undefined;
  readonly transitions: number;
}

interface Observed {
  readonly spec: LeaseSpec;
  /** The whole object, to send back. */
  readonly lease: Record<string, unknown>;
  readonly resourceVersion: string | undefined;
}

/** Starts to stand for election; goes on until stopped. */
export function startElection(options: ElectionOptions): Election {
  const { client, timing, log, namespace, name, identity, ttl } = options;
  const stopping = new AbortController();
  // client-go's proportions of 15 s, 10 s and 2 s.
  const renewDeadline = (ttl * 2) / 3;
  const retryPeriod = (ttl * 2) / 15;
  const path = objectPath(LEASES, namespace, name);

  let observed: Observed | undefined;
  let observedAt = 0;
  /** We lead until then, unless renewed; undefined: we do not. */
  let leadsUntil: number | undefined;
  let cancelLoss: (() => void) | undefined;

  const call = (callback: (() => void) | undefined): void => {
    try {
      callback?.();
    } catch (error) {
      log.error({ error }, 'a bug: a callback of the election threw');
    }
  };
  const lose = (why: string): void => {
    cancelLoss?.();
    if (leadsUntil !== undefined) {
      leadsUntil = undefined;
      log.info({ lease: name, why }, 'no longer the leader');
      call(options.onLost);
    }
  };
  /** `sentAt` is when the request was sent: the server cannot have counted from earlier. */
  const lead = (sentAt: number): void => {
    const elected = leadsUntil === undefined;
    leadsUntil = sentAt + renewDeadline;
    cancelLoss?.();
    cancelLoss = timing.after(Math.max(0, leadsUntil - timing.now()), () => lose('the lease could not be renewed in time'));
    if (elected) {
      log.info({ lease: name }, 'elected leader');
      call(options.onElected);
    }
  };
  const isLeader = (): boolean => leadsUntil !== undefined && timing.now() < leadsUntil;

  const observe = (answer: unknown): Observed => {
    const next = readLease(answer);
    if (observed === undefined || observed.resourceVersion !== next.resourceVersion || next.resourceVersion === undefined) {
      observedAt = timing.now();
    }
    observed = next;
    return next;
  };

  const write = async (previous: Observed | undefined, held: boolean, signal?: AbortSignal): Promise<void> => {
    const sentAt = timing.now();
    const now = microTime(timing.date());
    const ours = previous?.spec.holderIdentity === identity;
    const spec = {
      ...(previous?.lease['spec'] as object | undefined),
      holderIdentity: held ? identity : '',
      leaseDurationSeconds: held ? Math.ceil(ttl / 1000) : 1,
      renewTime: now,
      acquireTime: ours ? (previous.spec.acquireTime ?? now) : now,
      leaseTransitions: (previous?.spec.transitions ?? 0) + (previous && !ours ? 1 : 0),
    };
    const body = previous
      ? { ...previous.lease, spec }
      : { apiVersion: LEASES.apiVersion, kind: 'Lease', metadata: { namespace, name }, spec };
    const answer = await client.request({
      method: previous ? 'PUT' : 'POST',
      path: previous ? path : collectionPath(LEASES, namespace),
      body,
      deadline: renewDeadline / 2,
      ...(signal && { signal }),
    });
    observe(answer);
    if (held) {
      lead(sentAt);
    }
  };

  const giveBack = async (held: Observed): Promise<void> => {
    try {
      await write(held, false);
    } catch (error) {
      // A renewal that was under way when we stopped may have been written after all.
      const current = toApiError(error, path).status === 409 ? observe(await client.request({ path })) : undefined;
      if (current?.spec.holderIdentity !== identity) {
        throw error;
      }
      await write(current, false);
    }
  };

  const attempt = async (): Promise<void> => {
    const { signal } = stopping;
    if (isLeader() && observed) {
      try {
        await write(observed, true, signal);
        return;
      } catch (error) {
        // Somebody else wrote to it, or it is gone: look.
        if (![404, 409].includes(toApiError(error, path).status)) {
          throw error;
        }
      }
    }
    let current: Observed | undefined;
    try {
      current = observe(await client.request({ path, deadline: renewDeadline / 2, signal }));
    } catch (error) {
      if (toApiError(error, path).status !== 404) {
        throw error;
      }
    }
    const holder = current?.spec.holderIdentity ?? '';
    if (current && holder !== '' && holder !== identity) {
      lose(`${holder} holds the lease`);
      // The longer of both durations: a holder that runs with another ttl is not robbed.
      if (timing.now() < observedAt + Math.max(current.spec.duration, ttl)) {
        return;
      }
    }
    await write(current, true, signal);
  };

  const run = async (): Promise<void> => {
    let failing = false;
    while (!stopping.signal.aborted) {
      try {
        await attempt();
        failing = false;
      } catch (error) {
        const reason: ApiError = toApiError(error, path);
        // Two replicas that grasp for the same lease: one of them gets 409, which is how it should be.
        if (!stopping.signal.aborted && reason.status !== 409) {
          log[failing ? 'debug' : 'warn']({ lease: name, error: reason }, 'the election lease cannot be read or written');
          failing = true;
        }
      }
      const jitter = isLeader() ? 0 : timing.random() * 1.2;
      await pause(timing, retryPeriod * (1 + jitter), stopping.signal);
    }
  };

  const running = run();
  return {
    isLeader,
    stop: async () => {
      stopping.abort();
      await running;
      const leading = isLeader();
      lose('stopping');
      if (leading && observed) {
        await giveBack(observed).catch((error: unknown) => {
          log.warn({ lease: name, error }, 'the election lease could not be given back; it runs out by itself');
        });
      }
    },
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? value : 0;
}

/** Reads an untrusted Lease: what has a wrong type counts as absent. */
function readLease(answer: unknown): Observed {
  const lease = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  const metadata = (lease['metadata'] ?? {}) as Record<string, unknown>;
  const spec = (lease['spec'] ?? {}) as Record<string, unknown>;
  return {
    lease,
    resourceVersion: text(metadata['resourceVersion']),
    spec: {
      holderIdentity: text(spec['holderIdentity']) ?? '',
      duration: number(spec['leaseDurationSeconds']) * 1000,
      acquireTime: text(spec['acquireTime']),
      transitions: number(spec['leaseTransitions']),
    },
  };
}

/** A MicroTime of the Kubernetes API: RFC 3339 with six digits of fraction. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
