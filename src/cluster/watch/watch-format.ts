/** The wire format of lists and watches, read from untrusted JSON, and the watchdog of one watch. */
import { ApiError } from '../http/api-error.ts';
import type { Timing } from '../timing.ts';

/** One page of a list. */
export interface Page {
  readonly items: readonly unknown[];
  /** Of the whole list. */
  readonly version: string;
  /** Undefined on the last page. */
  readonly token: string | undefined;
}

/** Reads an answer to a list request; throws an ApiError when it is not a list. */
export function readPage(answer: unknown, path: string): Page {
  const { items, metadata } = (answer ?? {}) as { items?: unknown; metadata?: Record<string, unknown> | null };
  const version = metadata?.['resourceVersion'];
  const token = metadata?.['continue'];
  // Go writes an empty list as null here and there.
  const list = items ?? [];
  if (!Array.isArray(list) || typeof version !== 'string' || version === '') {
    throw new ApiError(0, 'BadResponse', `GET ${path}: the answer is not a list with a resourceVersion`);
  }
  return { items: list, version, token: typeof token === 'string' && token !== '' ? token : undefined };
}

const EVENT_TYPES = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;

interface WatchEvent {
  readonly type: (typeof EVENT_TYPES)[number];
  readonly object: object;
}

/** Reads one line of a watch; throws an ApiError when it is not an event. */
export function readEvent(line: string, kind: string): WatchEvent {
  let event: { type?: unknown; object?: unknown } | null;
  try {
    event = JSON.parse(line) as { type?: unknown; object?: unknown } | null;
  } catch (error) {
    throw new ApiError(0, 'BadResponse', `${kind}: a line of the watch is not JSON`, undefined, error);
  }
  const type = EVENT_TYPES.find((known) => known === event?.type);
  if (type === undefined || typeof event?.object !== 'object' || event.object === null) {
    throw new ApiError(0, 'BadResponse', `${kind}: a line of the watch is not an event`);
  }
  return { type, object: event.object };
}

/** The Status object of an ERROR event as an error. */
export function readWatchError(status: object, kind: string): ApiError {
  const { code, reason, message } = status as { code?: unknown; reason?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message.slice(0, 1024) : 'the watch reports an error';
  return new ApiError(
    typeof code === 'number' ? code : 500,
    typeof reason === 'string' ? reason : 'WatchError',
    `${kind}: ${text}`,
  );
}

/** The resourceVersion of an untrusted object. */
export function readVersion(object: object): string | undefined {
  const metadata = (object as { metadata?: Record<string, unknown> | null }).metadata;
  const version = metadata?.['resourceVersion'];
  return typeof version === 'string' && version !== '' ? version : undefined;
}

/** A path with its query. */
export function withQuery(path: string, parameters: URLSearchParams): string {
  const query = parameters.toString();
  return query === '' ? path : `${path}?${query}`;
}

/** Ends a watch that no longer lives though its connection seems to. */
interface Guard {
  readonly signal: AbortSignal;
  /** Something came. */
  readonly heard: () => void;
  /** Whether the guard ended the watch. */
  readonly stale: () => boolean;
  readonly clear: () => void;
}

/** Aborts when nothing was heard for `silence`, after `longest` in any case (both milliseconds), or with the parent. */
export function createGuard(timing: Timing, parent: AbortSignal, silence: number, longest: number): Guard {
  const controller = new AbortController();
  let stale = false;
  const give = (): void => {
    stale = true;
    controller.abort();
  };
  const onParent = (): void => controller.abort();
  if (parent.aborted) {
    controller.abort();
  }
  parent.addEventListener('abort', onParent, { once: true });
  const cancelLongest = timing.after(longest, give);
  let cancelSilence = timing.after(silence, give);
  return {
    signal: controller.signal,
    heard: () => {
      cancelSilence();
      cancelSilence = timing.after(silence, give);
    },
    stale: () => stale,
    clear: () => {
      cancelLongest();
      cancelSilence();
      parent.removeEventListener('abort', onParent);
    },
  };
}
