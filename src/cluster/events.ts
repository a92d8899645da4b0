/** Events on objects, as `kubectl describe` shows them: repeated ones are counted up, floods are held back, failures harm nothing. */
import type { Logger } from '../observe/log.ts';
import type { ObjectRef } from '../model/diagnostic.ts';
import { toApiError } from './http/api-error.ts';
import type { KubeClient } from './http/kube-client.ts';
import { EVENTS, collectionPath, objectPath } from './resources.ts';
import { pause } from './timing.ts';
import type { Timing } from './timing.ts';

/** What is to be told about an object. A diagnostic becomes a Warning whose reason is its code. */
export interface EventToRecord {
  readonly object: ObjectRef;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** Cut at 1 KiB. */
  readonly message: string;
}

export interface EventRecorder {
  /** Never throws, never waits. */
  readonly record: (event: EventToRecord) => void;
  /** Resolves when nothing is waiting to be sent. */
  readonly idle: () => Promise<void>;
  /** Drops what waits. Never rejects. */
  readonly stop: () => Promise<void>;
}

interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly timing: Timing;
  readonly log: Logger;
  /** `source.component` and `reportingComponent`. */
  readonly component: string;
  /** `source.host` and `reportingInstance`: the Pod's name. */
  readonly instance: string;
}

/** One event that was sent, to be counted up when it happens again. */
interface Sent {
  readonly event: EventToRecord;
  readonly first: string;
  last: string;
  count: number;
  /** The name it has in the cluster, once it is there. */
  name: string | undefined;
  queued: boolean;
}

/** client-go's spam filter: so many events of one object at once, then one in five minutes. */
const BURST = 25;
const REFILL = 300_000;
const MOST_KEPT = 4096;
const MOST_QUEUED = 1000;
const TRIES = 3;
const MOST_MESSAGE = 1024;

/** Sends events one at a time, in order. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, timing, log } = options;
  const stopping = new AbortController();
  // The least recently used come first in both, and leave first. Keys are JSON of a tuple, which no two tuples share.
  const sent = new Map<string, Sent>();
  const tokens = new Map<string, { left: number; at: number }>();
  const queue: Sent[] = [];
  let working: Promise<void> = Promise.resolve();
  let busy = false;

  const allowed = ({ kind, namespace, name, uid }: ObjectRef): boolean => {
    const key = JSON.stringify([kind, namespace, name, uid]);
    const now = timing.now();
    const bucket = tokens.get(key) ?? { left: BURST, at: now };
    const left = Math.min(BURST, bucket.left + (now - bucket.at) / REFILL);
    keep(tokens, key, { left: left < 1 ? left : left - 1, at: now });
    return left >= 1;
  };

  const send = async (entry: Sent): Promise<void> => {
    const { object } = entry.event;
    const namespace = object.namespace === '' ? 'default' : object.namespace;
    if (entry.name !== undefined) {
      try {
        const body = { count: entry.count, lastTimestamp: entry.last };
        await client.request({
          method: 'PATCH',
          path: objectPath(EVENTS, namespace, entry.name),
          contentType: 'application/merge-patch+json',
          body,
          signal: stopping.signal,
        });
        return;
      } catch (error) {
        // The API server forgets events after an hour; then it is a new one.
        if (toApiError(error, 'Event').status !== 404) {
          throw error;
        }
        entry.name = undefined;
      }
    }
    const unique = Math.floor(timing.random() * 2 ** 32).toString(16);
    const name = `${object.name.slice(0, 220)}.${timing.date().toString(16)}${unique.padStart(8, '0')}`;
    await client.request({
      method: 'POST',
      path: collectionPath(EVENTS, namespace),
      body: eventObject(entry, name, namespace, options),
      signal: stopping.signal,
    });
    entry.name = name;
  };

  const sendWithRetry = async (entry: Sent): Promise<void> => {
    for (let tries = 1; !stopping.signal.aborted; tries += 1) {
      try {
        await send(entry);
        return;
      } catch (error) {
        const { status, retryAfter } = toApiError(error, 'Event');
        const hopeless = status >= 400 && status < 500 && status !== 429;
        if (hopeless || tries >= TRIES) {
          log.debug({ object: entry.event.object, reason: entry.event.reason, error }, 'an event could not be recorded');
          return;
        }
        await pause(timing, Math.max(retryAfter ?? 0, 1000 * 4 ** (tries - 1) * (0.5 + timing.random())), stopping.signal);
      }
    }
  };

  const work = async (): Promise<void> => {
    try {
      for (let entry = queue.shift(); entry; entry = queue.shift()) {
        entry.queued = false;
        await sendWithRetry(entry);
      }
    } finally {
      busy = false;
    }
  };

  return {
    record: (raw) => {
      const event = { ...raw, message: cut(raw.message, MOST_MESSAGE), reason: raw.reason.slice(0, 128) };
      const { kind, namespace, name, uid } = event.object;
      const key = JSON.stringify([kind, namespace, name, uid, event.type, event.reason, event.message]);
      const now = `${new Date(timing.date()).toISOString().slice(0, 19)}Z`;
      const entry = sent.get(key) ?? { event, first: now, last: now, count: 0, name: undefined, queued: false };
      entry.count += 1;
      entry.last = now;
      keep(sent, key, entry);
      if (stopping.signal.aborted || entry.queued || queue.length >= MOST_QUEUED || !allowed(event.object)) {
        // Counted all the same: the next one that is sent says how many there were.
        return;
      }
      entry.queued = true;
      queue.push(entry);
      if (!busy) {
        busy = true;
        working = work().catch((error: unknown) => log.error({ error }, 'a bug: recording an event threw'));
      }
    },
    idle: () => working,
    stop: async () => {
      stopping.abort();
      queue.length = 0;
      await working;
    },
  };
}

function eventObject(entry: Sent, name: string, namespace: string, options: EventRecorderOptions): unknown {
  const { object, type, reason, message } = entry.event;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.name,
      ...(object.namespace === '' ? {} : { namespace: object.namespace }),
      ...(object.uid === undefined ? {} : { uid: object.uid }),
    },
    type,
    reason,
    message,
    count: entry.count,
    firstTimestamp: entry.first,
    lastTimestamp: entry.last,
    source: { component: options.component, host: options.instance },
    reportingComponent: options.component,
    reportingInstance: options.instance,
  };
}

/** Sets a key as the most recently used, and drops the least recently used when there are too many. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_KEPT) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
}

/** At most so many bytes of UTF-8, never cutting a character. */
function cut(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) {
    return text;
  }
  let end = most - 3;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return `${bytes.toString('utf8', 0, end)}…`;
}
