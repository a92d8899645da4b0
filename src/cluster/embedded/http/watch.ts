/** Watches: a stream of JSON lines, one per change (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). */
import type { ServerResponse } from 'node:http';
import type { Change } from '../objects/collection.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { tableOf } from '../tables/table.ts';
import type { Context } from './context.ts';
import type { JsonObject } from '../api/json.ts';
import { toServed } from '../api/memory-storage.ts';
import { parseVersion, tooLargeVersion } from './read.ts';
import { isTrue } from './request.ts';
import type { Representation, ResourceRequest } from './request.ts';
import { objectText, partialMetadata } from './respond.ts';
import { selectorOf } from './selectors.ts';
import type { Selector } from './selectors.ts';
import { forbiddenField } from '../validation/causes.ts';
import { badRequest, invalid, StatusError } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

/** Bytes a client may lag behind before its watch is ended. */
const BACKLOG_LIMIT = 64 * 1024 * 1024;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One open watch. The faults know it, to end it, silence it or garble it. */
export class Watch {
  readonly request: ResourceRequest;
  readonly #context: Context;
  readonly #type: ResourceType;
  readonly #form: Representation;
  readonly #response: ServerResponse;
  readonly #selector: Selector | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #unsubscribe: (() => void) | undefined;
  #columnsSent = false;
  /** The revision of the last change that was looked at. */
  #seen = 0;
  /** When it is set, nothing is written any more, and the connection stays open. */
  silent = false;

  constructor(context: Context, request: ResourceRequest, type: ResourceType, form: Representation, response: ServerResponse) {
    this.request = request;
    this.#context = context;
    this.#type = type;
    this.#form = form;
    this.#response = response;
    this.#selector = selectorOf(type, request.query);
  }

  /** Sends what there is, then every change, until the timeout, the client or a fault ends it. */
  start(): void {
    const { query } = this.request;
    const since = parseVersion(query.get('resourceVersion'));
    const initial = query.get('sendInitialEvents');
    const bookmarks = isTrue(query, 'allowWatchBookmarks');
    const timeoutSeconds = Number(query.get('timeoutSeconds') ?? 0);
    if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 0)
      throw badRequest('Invalid value: "timeoutSeconds": must be a non-negative integer');
    if (initial !== null && query.get('resourceVersionMatch') !== 'NotOlderThan') {
      const detail = 'sendInitialEvents is set, resourceVersionMatch must be set to NotOlderThan';
      throw invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', [
        forbiddenField('resourceVersionMatch', detail),
      ]);
    }
    if ((since ?? 0) > this.#context.storage.revision) throw tooLargeVersion(since ?? 0, this.#context.storage.revision);
    this.#response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    this.#response.flushHeaders();
    this.#response.on('close', () => {
      this.stop();
    });
    const everything = initial === null ? since === undefined || since === 0 : isTrue(query, 'sendInitialEvents');
    const collection = this.#context.storage.collection(this.#type.storageKey);
    this.#unsubscribe = collection.subscribe((change) => {
      this.#onChange(change);
    });
    if (everything) {
      for (const object of collection.list(this.request.namespace)) {
        if (this.#selector?.(object) !== false) this.#send('ADDED', object);
      }
      if (initial !== null && bookmarks) this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    } else if (since !== undefined && !this.#replay(since)) {
      return;
    }
    this.#startTimers(bookmarks, timeoutSeconds);
  }

  /** Ends the response as a server does whose timeout has come. */
  end(): void {
    this.stop();
    this.#response.end();
  }

  /** Ends the connection without a word; with `reset`, by a TCP reset. */
  cut(reset: boolean): void {
    this.stop();
    if (reset) this.#response.socket?.resetAndDestroy();
    else this.#response.socket?.destroy();
  }

  /** Writes text as it is into the stream. */
  writeRaw(text: string): void {
    if (!this.silent) this.#response.write(text);
  }

  /** Sends an ERROR event and ends the watch. */
  fail(error: StatusError): void {
    this.writeRaw(`{"type":"ERROR","object":${JSON.stringify(error.toStatus())}}\n`);
    if (!this.silent) this.end();
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.length = 0;
    this.#context.faults.forget(this);
  }

  #replay(since: number): boolean {
    try {
      for (const change of this.#context.storage.collection(this.#type.storageKey).since(since)) this.#onChange(change);
      return true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.fail(error);
      return false;
    }
  }

  #startTimers(bookmarks: boolean, timeoutSeconds: number): void {
    if (bookmarks) {
      this.#timers.push(
        setInterval(() => {
          this.#bookmark();
        }, this.#context.bookmarkInterval),
      );
    }
    const timeout = timeoutSeconds > 0 ? timeoutSeconds * 1000 : this.#context.watchTimeout();
    this.#timers.push(
      setTimeout(() => {
        if (bookmarks) this.#bookmark();
        if (!this.silent) this.end();
      }, timeout),
    );
    for (const timer of this.#timers) timer.unref();
  }

  #onChange(change: Change): void {
    const { object, previous } = change;
    // The subscription may see again what the replay has sent.
    if (change.revision <= this.#seen) return;
    this.#seen = change.revision;
    if (this.request.namespace !== undefined && this.request.namespace !== (object.metadata.namespace ?? '')) return;
    if (this.#selector === undefined) {
      this.#send(change.type, object);
      return;
    }
    const before = previous !== undefined && this.#selector(previous);
    const after = change.type !== 'DELETED' && this.#selector(object);
    if (after) this.#send(before ? 'MODIFIED' : 'ADDED', object);
    else if (before) this.#send('DELETED', withVersion(change.type === 'DELETED' ? object : previous, change.revision));
  }

  #send(type: EventType, stored: StoredObject): void {
    const object = toServed(this.#type, stored);
    let text: string;
    if (this.#form.as === 'Table') {
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      const table = tableOf(
        this.#type,
        [object],
        metadata,
        this.#context.now(),
        this.request.query.get('includeObject') ?? undefined,
      );
      // Column definitions come once; later tables of a watch have none.
      if (this.#columnsSent) table['columnDefinitions'] = null;
      this.#columnsSent = true;
      text = JSON.stringify(table);
    } else if (this.#form.as === 'PartialObjectMetadata') text = JSON.stringify(partialMetadata(object));
    else text = objectText(object);
    this.#write(`{"type":"${type}","object":${text}}\n`);
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const metadata: JsonObject = {
      // Changes are announced within the write that makes them: this watch has seen them all.
      resourceVersion: String(this.#context.storage.revision),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const type = this.#form.as === 'PartialObjectMetadata' ? 'PartialObjectMetadata' : this.#type.kind;
    const apiVersion = this.#form.as === 'PartialObjectMetadata' ? 'meta.k8s.io/v1' : apiVersionOf(this.#type);
    const object =
      this.#form.as === 'Table'
        ? {
            kind: 'Table',
            apiVersion: 'meta.k8s.io/v1',
            metadata,
            columnDefinitions: null,
            rows: [{ cells: [], object: { kind: type, apiVersion, metadata } }],
          }
        : { kind: type, apiVersion, metadata };
    this.#write(`{"type":"BOOKMARK","object":${JSON.stringify(object)}}\n`);
  }

  #write(text: string): void {
    if (this.silent) return;
    this.#response.write(this.#context.faults.garble(this, text));
    if (this.#response.writableLength > BACKLOG_LIMIT) this.cut(false);
  }
}

function withVersion(object: StoredObject, revision: number): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
