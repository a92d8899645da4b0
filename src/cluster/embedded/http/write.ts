/** POST, PUT, PATCH and DELETE of resources. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { applyConfiguration } from '../patch/apply.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { trackUpdate } from '../patch/managed-fields.ts';
import type { Writer } from '../patch/managed-fields.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../patch/strategic-merge-patch.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { timestamp } from '../objects/server-metadata.ts';
import { parseJson, parseObject, parseYaml, unsupportedMediaType } from './body.ts';
import type { Context } from './context.ts';
import type { DeleteOptions } from '../objects/writer.ts';
import { acceptObject, checkType } from './field-validation.ts';
import { isObject, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { toServed } from '../api/memory-storage.ts';
import { sendResource } from './read.ts';
import { contentType, fieldManager } from './request.ts';
import type { Representation, ResourceRequest } from './request.ts';
import { sendObject, warn } from './respond.ts';
import { selectorOf } from './selectors.ts';
import { badRequest, invalid, notFound, StatusError } from '../api/status-error.ts';
import type { NewObject, StoredObject } from '../api/storage.ts';
import { required } from '../validation/causes.ts';

/** One request that writes, with all that its handling needs. */
export interface WriteRequest {
  readonly context: Context;
  readonly request: ResourceRequest;
  readonly type: ResourceType;
  readonly form: Representation;
  readonly message: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
}

/** Whether nothing is to be stored. Throws 422 for anything but `All`. */
function dryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '');
  const wrong = values.find((value) => value !== 'All');
  if (wrong !== undefined) {
    throw new StatusError(
      422,
      'Invalid',
      `Invalid value: ${JSON.stringify(wrong)}: dryRun: Unsupported value: supported values: "All"`,
    );
  }
  return values.length > 0;
}

function writerOf(write: WriteRequest, operation: Writer['operation']): Writer {
  const { request, type, message, context } = write;
  return {
    name: fieldManager(message, request.query),
    operation,
    apiVersion: apiVersionOf(type),
    subresource: request.subresource ?? '',
    time: timestamp(context.now()),
  };
}

type Track = (object: StoredObject, old: StoredObject | undefined) => void;

function tracker(write: WriteRequest): Track {
  return (object, old) => {
    // Stored fields are those of the stored version.
    const schema = write.type.conversion === undefined ? write.type.schema : undefined;
    trackUpdate(object, old, schema, writerOf(write, 'Update'));
  };
}

function send(write: WriteRequest, status: number, object: StoredObject): void {
  const { context, response, type, form } = write;
  sendResource(context, response, status, type, toServed(type, object), form, write.request.query.get('includeObject'));
}

export function handleCreate(write: WriteRequest): void {
  const { context, request, type, response } = write;
  const { object, warnings } = acceptObject(write.message, write.body, type, request.query);
  warn(response, warnings);
  const namespace = request.namespace ?? '';
  const options = { dryRun: dryRun(request.query), track: tracker(write) };
  const created = context.storage.writer.create(type, namespace, object as NewObject, options);
  send(write, 201, created);
}

function subresourceOption(request: ResourceRequest): { readonly subresource?: 'status' } {
  return request.subresource === 'status' ? { subresource: 'status' } : {};
}

export function handleUpdate(write: WriteRequest): void {
  const { context, request, type, response } = write;
  const { object, warnings } = acceptObject(write.message, write.body, type, request.query);
  warn(response, warnings);
  if (stringAt(object, 'metadata', 'name') === undefined) {
    throw badRequest('the name of the object (based on metadata.name) was not set in the update');
  }
  if (type.custom && (stringAt(object, 'metadata', 'resourceVersion') ?? '') === '') {
    const cause = {
      ...required('metadata.resourceVersion'),
      reason: 'FieldValueInvalid' as const,
      message: 'Invalid value: 0: must be specified for an update',
    };
    throw invalid(type, request.name ?? '', [cause]);
  }
  const options = { ...subresourceOption(request), dryRun: dryRun(request.query), track: tracker(write) };
  const updated = context.storage.writer.update(
    type,
    request.namespace ?? '',
    request.name ?? '',
    () => object as StoredObject,
    options,
  );
  send(write, 200, updated);
}

/** What each media type of a patch does to an object. */
function patcher(write: WriteRequest): (object: JsonObject) => unknown {
  const { type, body, message } = write;
  const what = 'error decoding patch';
  switch (contentType(message)) {
    case 'application/json-patch+json': {
      const patch = parseJson(body.toString('utf8'), what);
      return (object) => applyJsonPatch(object, patch);
    }
    case 'application/merge-patch+json': {
      const patch = parsePatchObject(body, what);
      return (object) => applyMergePatch(object, patch);
    }
    case 'application/strategic-merge-patch+json': {
      const { schema } = type;
      if (schema === undefined) break;
      const patch = parsePatchObject(body, what);
      return (object) => applyStrategicMergePatch(object, patch, schema);
    }
    default:
  }
  throw unsupportedMediaType([
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/apply-patch+yaml',
    ...(type.schema === undefined ? [] : ['application/strategic-merge-patch+json']),
  ]);
}

function parsePatchObject(body: Buffer, what: string): JsonObject {
  const patch = parseJson(body.toString('utf8'), what);
  if (!isObject(patch))
    throw badRequest(
      `${what}: json: cannot unmarshal ${Array.isArray(patch) ? 'array' : typeof patch} into Go value of type map[string]interface {}`,
    );
  return patch;
}

export function handlePatch(write: WriteRequest): void {
  if (['application/apply-patch+yaml', 'application/apply-patch+json'].includes(contentType(write.message))) {
    handleApply(write);
    return;
  }
  const { context, request, type, response } = write;
  const patch = patcher(write);
  const options = { ...subresourceOption(request), dryRun: dryRun(request.query), track: tracker(write) };
  const mutate = (object: StoredObject): StoredObject => {
    const patched = patch(object);
    if (!isObject(patched)) throw badRequest('the patch does not leave an object');
    warn(response, checkType(patched, type, request.query));
    return patched as StoredObject;
  };
  const updated = context.storage.writer.update(type, request.namespace ?? '', request.name ?? '', mutate, options);
  send(write, 200, updated);
}

function handleApply(write: WriteRequest): void {
  const { context, request, type, response, body } = write;
  const { query } = request;
  const name = request.name ?? '';
  const namespace = request.namespace ?? '';
  if ((query.get('fieldManager') ?? '') === '') {
    throw new StatusError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      {
        group: 'meta.k8s.io',
        kind: 'PatchOptions',
        causes: [required('fieldManager', 'is required for apply patch')],
      },
    );
  }
  const wanted = parseYaml(body.toString('utf8'), 'error decoding YAML');
  if (!isObject(wanted)) throw badRequest('error decoding YAML: the body is not an object');
  if (wanted['kind'] !== type.kind || wanted['apiVersion'] !== apiVersionOf(type)) {
    const given = `${String(wanted['apiVersion'])}, Kind=${String(wanted['kind'])}`;
    throw badRequest(
      `the object provided (${given}) is not of the resource the patch is for (${apiVersionOf(type)}, Kind=${type.kind})`,
    );
  }
  if (isObject(wanted['metadata']) && wanted['metadata']['managedFields'] !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  warn(response, checkType(wanted, type, query));
  const force = query.get('force') === 'true';
  const writer = writerOf(write, 'Apply');
  const { collection } = { collection: context.storage.collection(type.storageKey) };
  const live = collection.get(type.namespaced ? namespace : '', name);
  if (live === undefined) {
    if (request.subresource !== undefined) throw notFound(type, name);
    const givenName = stringAt(wanted, 'metadata', 'name');
    if (givenName !== undefined && givenName !== name) {
      throw badRequest(`the name of the object (${givenName}) does not match the name on the URL (${name})`);
    }
    const object = applyConfiguration(undefined, wanted, type.schema, writer, force);
    object.metadata.name = name;
    const created = context.storage.writer.create(type, namespace, object, { dryRun: dryRun(query) });
    send(write, 201, created);
    return;
  }
  const mutate = (object: StoredObject): StoredObject => {
    const given = stringAt(wanted, 'metadata', 'resourceVersion');
    const applied = applyConfiguration(object, wanted, type.schema, writer, force);
    if (given === undefined) applied.metadata.resourceVersion = object.metadata.resourceVersion;
    return applied;
  };
  const updated = context.storage.writer.update(type, namespace, name, mutate, {
    ...subresourceOption(request),
    dryRun: dryRun(query),
  });
  send(write, 200, updated);
}

/** `DeleteOptions` out of the body and the query. */
function deleteOptions(write: WriteRequest): DeleteOptions {
  const { body, message, request } = write;
  const given = body.length === 0 ? {} : parseObject(message, body);
  if (!isObject(given)) throw badRequest('delete options: the body is not an object');
  const grace = given['gracePeriodSeconds'] ?? parseGrace(request.query);
  const policy = stringAt(given, 'propagationPolicy') ?? request.query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw new StatusError(
      422,
      'Invalid',
      `DeleteOptions "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
    );
  }
  const orphan = given['orphanDependents'] === true || request.query.get('orphanDependents') === 'true';
  const uid = stringAt(given, 'preconditions', 'uid');
  const resourceVersion = stringAt(given, 'preconditions', 'resourceVersion');
  const dry = Array.isArray(given['dryRun']) && given['dryRun'].length > 0;
  return {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(orphan ? { propagationPolicy: 'Orphan' } : policy === undefined ? {} : { propagationPolicy: policy }),
    preconditions: { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    dryRun: dry || dryRun(request.query),
  };
}

function parseGrace(query: URLSearchParams): number | undefined {
  const text = query.get('gracePeriodSeconds');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function handleDelete(write: WriteRequest): void {
  const { context, request, type, response, form } = write;
  const name = request.name ?? '';
  const { object, gone } = context.storage.writer.delete(type, request.namespace ?? '', name, deleteOptions(write));
  // What is still there is answered with the object, what is gone with a Status; Pods and what waits for finalizers are objects.
  if (!gone || type.storageKey === 'pods') {
    send(write, 200, object);
    return;
  }
  const details = { name, ...(type.group === '' ? {} : { group: type.group }), kind: type.plural, uid: object.metadata.uid };
  sendObject(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }, form.format);
}

export function handleDeleteCollection(write: WriteRequest): void {
  const { context, request, type, response, form } = write;
  const options = deleteOptions(write);
  const selector = selectorOf(type, request.query);
  const collection = context.storage.collection(type.storageKey);
  const objects = collection.list(request.namespace).filter((object) => selector?.(object) ?? true);
  const items = objects.flatMap((object) => {
    const { namespace = '', name } = object.metadata;
    // One may have gone with another.
    if (collection.get(namespace, name) === undefined) return [];
    return [toServed(type, context.storage.writer.delete(type, namespace, name, options).object)];
  });
  const metadata = { resourceVersion: String(context.storage.revision) };
  sendObject(response, 200, { kind: `${type.kind}List`, apiVersion: apiVersionOf(type), metadata, items }, form.format);
}
