/** GET of one object and of lists, in pages (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks). */
import type { ServerResponse } from 'node:http';
import { stringify } from 'yaml';
import { compareKeys } from '../objects/collection.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { tableOf } from '../tables/table.ts';
import type { Context } from './context.ts';
import { isObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { toServed } from '../api/memory-storage.ts';
import type { Representation, ResourceRequest } from './request.ts';
import { itemText, objectText, partialMetadata, sendObject, sendText } from './respond.ts';
import { selectorOf } from './selectors.ts';
import { badRequest, notFound, StatusError } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

/** Answers with one object in the form that was asked for. */
export function sendResource(
  context: Context,
  response: ServerResponse,
  status: number,
  type: ResourceType,
  object: StoredObject,
  form: Representation,
  includeObject?: string | null,
): void {
  if (form.as === 'Table') {
    const table = tableOf(type, [object], object.metadata, context.now(), includeObject ?? undefined);
    sendObject(response, status, table, form.format);
  } else if (form.as === 'PartialObjectMetadata') {
    sendObject(response, status, partialMetadata(object), form.format);
  } else if (form.format === 'yaml') {
    sendText(response, status, stringify(object), 'application/yaml');
  } else {
    sendText(response, status, `${objectText(object)}\n`, 'application/json');
  }
}

export function handleGet(
  context: Context,
  request: ResourceRequest,
  type: ResourceType,
  form: Representation,
  response: ServerResponse,
): void {
  const name = request.name ?? '';
  const object = context.storage.collection(type.storageKey).get(request.namespace ?? '', name);
  if (object === undefined) throw notFound(type, name);
  sendResource(context, response, 200, type, toServed(type, object), form, request.query.get('includeObject'));
}

interface Continue {
  readonly revision: number;
  readonly namespace: string;
  readonly name: string;
}

function encodeContinue(token: Continue): string {
  return Buffer.from(
    JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, ns: token.namespace, start: token.name }),
  ).toString('base64url');
}

function decodeContinue(text: string): Continue {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (
      isObject(token) &&
      typeof token['rv'] === 'number' &&
      typeof token['ns'] === 'string' &&
      typeof token['start'] === 'string'
    ) {
      return { revision: token['rv'], namespace: token['ns'], name: token['start'] };
    }
  } catch {
    // Refused below, as any other text that is no token.
  }
  throw badRequest('continue key is not valid: the token was not made by this server');
}

/** 504, as a server that lags behind a resourceVersion answers. Retried by clients. */
export function tooLargeVersion(wanted: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** A resourceVersion of a request as a number; undefined for none. Throws 400 for anything else. */
export function parseVersion(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`Invalid value: "resourceVersion": strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

interface Page {
  readonly objects: readonly StoredObject[];
  readonly revision: number;
  readonly next: string | undefined;
  readonly remaining: number | undefined;
}

/** The objects that a list request asks for. Throws 410 when its snapshot is forgotten. */
function selectPage(context: Context, request: ResourceRequest, type: ResourceType): Page {
  const { query, namespace } = request;
  const collection = context.storage.collection(type.storageKey);
  const limit = Number(query.get('limit') ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest('Invalid value: "limit": must be a non-negative integer');
  const token = query.get('continue') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const wanted = parseVersion(query.get('resourceVersion'));
  const current = context.faults.listRevision(request) ?? context.storage.revision;
  let revision = current;
  let after: Continue | undefined;
  if (token !== '') {
    if (wanted !== undefined && wanted !== 0)
      throw badRequest('specifying resource version is not allowed when using continue');
    after = decodeContinue(token);
    if (after.revision > 0) revision = after.revision;
    context.faults.checkContinue();
  } else if (match === 'Exact') {
    if (wanted === undefined || wanted === 0)
      throw badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0" or unset');
    revision = wanted;
  }
  if ((wanted ?? 0) > context.storage.revision) throw tooLargeVersion(wanted ?? 0, context.storage.revision);
  const all = revision === context.storage.revision ? collection.list(namespace) : collection.listAt(revision, namespace);
  const selector = selectorOf(type, query);
  let objects = selector === undefined ? all : all.filter(selector);
  if (after !== undefined) objects = objects.slice(firstAfter(objects, after));
  if (limit === 0 || objects.length <= limit) return { objects, revision, next: undefined, remaining: undefined };
  const page = objects.slice(0, limit);
  const last = page.at(-1)?.metadata;
  return {
    objects: page,
    revision,
    next: encodeContinue({ revision, namespace: last?.namespace ?? '', name: last?.name ?? '' }),
    // The real server cannot count what a selector would leave.
    remaining: selector === undefined ? objects.length - limit : undefined,
  };
}

function firstAfter(objects: readonly StoredObject[], after: Continue): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const metadata = objects[middle]?.metadata;
    if (compareKeys(metadata?.namespace ?? '', metadata?.name ?? '', after.namespace, after.name) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function handleList(
  context: Context,
  request: ResourceRequest,
  type: ResourceType,
  form: Representation,
  response: ServerResponse,
): void {
  const page = selectPage(context, request, type);
  const metadata: JsonObject = {
    resourceVersion: String(page.revision),
    ...(page.next === undefined ? {} : { continue: page.next }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  const served = page.objects.map((object) => toServed(type, object));
  if (form.as === 'Table') {
    const table = tableOf(type, served, metadata, context.now(), request.query.get('includeObject') ?? undefined);
    sendObject(response, 200, table, form.format);
    return;
  }
  if (form.as === 'PartialObjectMetadata') {
    const items = served.map(partialMetadata);
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items };
    sendObject(response, 200, list, form.format);
    return;
  }
  const head = { kind: `${type.kind}List`, apiVersion: apiVersionOf(type), metadata };
  if (form.format === 'yaml') {
    sendObject(response, 200, { ...head, items: served }, 'yaml');
    return;
  }
  // Items of built-in kinds have no type of their own in a list; custom resources do.
  const texts = served.map(type.custom ? objectText : itemText);
  sendText(response, 200, `${JSON.stringify(head).slice(0, -1)},"items":[${texts.join(',')}]}\n`, 'application/json');
}
