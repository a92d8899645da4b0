/** The scale subresource: `autoscaling/v1` Scale over the fields of a workload (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/). */
import type { ResourceType, ScalePaths } from '../resources/resources.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { parseJson, parseObject, unsupportedMediaType } from './body.ts';
import { arrayAt, isObject, numberAt, objectAt, setKey, stringAt, valueAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { contentType } from './request.ts';
import { sendObject } from './respond.ts';
import { badRequest, conflict, invalid, notFound } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { invalidValue } from '../validation/causes.ts';
import type { WriteRequest } from './write.ts';
import { trackUpdate } from '../patch/managed-fields.ts';
import { timestamp } from '../objects/server-metadata.ts';
import { apiVersionOf } from '../resources/resources.ts';
import { fieldManager } from './request.ts';

function selectorText(object: StoredObject, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const found = valueAt(object, ...path.split('.'));
  if (typeof found === 'string') return found;
  const labels = Object.entries(objectAt(found, 'matchLabels') ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  const sets = arrayAt(found, 'matchExpressions').map((term) => {
    const key = stringAt(term, 'key') ?? '';
    const values = arrayAt(term, 'values').join(',');
    const operator = stringAt(term, 'operator');
    if (operator === 'Exists') return key;
    return operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator === 'NotIn' ? 'notin' : 'in'} (${values})`;
  });
  return [...labels, ...sets].join(',');
}

function scaleOf(object: StoredObject, paths: ScalePaths): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText(object, paths.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(object, ...paths.specReplicas.split('.')) },
    status: { replicas: numberAt(object, ...paths.statusReplicas.split('.')), ...(selector === undefined ? {} : { selector }) },
  };
}

function setAt(object: JsonObject, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let node = object;
  for (const key of keys) {
    const next = Object.hasOwn(node, key) ? node[key] : undefined;
    const inner: JsonObject = isObject(next) ? next : {};
    setKey(node, key, inner);
    node = inner;
  }
  setKey(node, last, value);
}

function wantedScale(write: WriteRequest, current: JsonObject): unknown {
  if (write.request.verb === 'update') return parseObject(write.message, write.body);
  const patch = parseJson(write.body.toString('utf8'), 'error decoding patch');
  switch (contentType(write.message)) {
    case 'application/json-patch+json':
      return applyJsonPatch(current, patch);
    case 'application/merge-patch+json':
    case 'application/strategic-merge-patch+json':
      return applyMergePatch(current, patch);
    default:
      throw unsupportedMediaType(['application/json-patch+json', 'application/merge-patch+json']);
  }
}

/** GET, PUT and PATCH of `/scale`. */
export function handleScale(write: WriteRequest, type: ResourceType, paths: ScalePaths): void {
  const { context, request, response, form } = write;
  const name = request.name ?? '';
  const namespace = request.namespace ?? '';
  const object = context.storage.collection(type.storageKey).get(namespace, name);
  if (object === undefined) throw notFound(type, name);
  const current = scaleOf(object, paths);
  if (request.verb === 'get') {
    sendObject(response, 200, current, form.format);
    return;
  }
  const wanted = wantedScale(write, current);
  const replicas = valueAt(wanted, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas is not a 32-bit integer');
  }
  if (replicas < 0) {
    const cause = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, name, [cause]);
  }
  const version = stringAt(wanted, 'metadata', 'resourceVersion') ?? '';
  if (version !== '' && version !== object.metadata.resourceVersion) {
    throw conflict(type, name, 'the object has been modified; please apply your changes to the latest version and try again');
  }
  const updated = context.storage.writer.update(
    type,
    namespace,
    name,
    (copy) => {
      setAt(copy, paths.specReplicas, replicas);
    },
    {
      dryRun: request.query.getAll('dryRun').includes('All'),
      track: (changed, old) => {
        trackUpdate(changed, old, type.schema, {
          name: fieldManager(write.message, request.query),
          operation: 'Update',
          apiVersion: apiVersionOf(type),
          subresource: 'scale',
          time: timestamp(context.now()),
        });
      },
    },
  );
  sendObject(response, 200, scaleOf(updated, paths), form.format);
}
