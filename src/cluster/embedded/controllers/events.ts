/** Kubernetes Events of the embedded controllers: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/. */
import { createHash } from 'node:crypto';
import { StatusError } from '../api/status-error.ts';
import type { Storage, StoredObject } from '../api/storage.ts';
import { namespaceOf, timestamp } from './controller.ts';

/** Records that something happened to an object. The same thing again raises the count of the first Event. */
export type RecordEvent = (
  component: string,
  object: StoredObject,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void;

const KEPT = 2000;

/** Writes Events to the storage, and deletes its oldest when there are more than 2000. */
export function createEventRecorder(storage: Storage, now: () => number): RecordEvent {
  const events = storage.resource('v1', 'events');
  const written = new Map<string, { readonly namespace: string; readonly name: string }>();
  return (component, object, type, reason, message) => {
    const { name, uid, resourceVersion } = object.metadata;
    const namespace = namespaceOf(object) || 'default';
    const hash = createHash('sha256').update([component, uid, type, reason, message].join('\0')).digest('hex').slice(0, 16);
    const time = timestamp(now());
    const eventName = `${name}.${hash}`;
    try {
      const known = events.update(namespace, eventName, (event) => {
        event['count'] = ((event['count'] as number | undefined) ?? 1) + 1;
        event['lastTimestamp'] = time;
      });
      if (known) return;
      events.create(namespace, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: eventName, namespace },
        involvedObject: {
          apiVersion: object.apiVersion,
          kind: object.kind,
          name,
          namespace: namespaceOf(object),
          uid,
          resourceVersion,
        },
        type,
        reason,
        message,
        source: { component },
        reportingComponent: component,
        reportingInstance: 'embedded',
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      });
    } catch (error) {
      // A namespace that is going takes no Events any more.
      if (error instanceof StatusError && (error.code === 403 || error.code === 404)) return;
      throw error;
    }
    const key = JSON.stringify([namespace, eventName]);
    written.set(key, { namespace, name: eventName });
    if (written.size <= KEPT) return;
    for (const [oldest, event] of written) {
      written.delete(oldest);
      if (events.get(event.namespace, event.name)) events.delete(event.namespace, event.name);
      break;
    }
  };
}
