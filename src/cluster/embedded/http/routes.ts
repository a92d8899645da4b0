/** Which handler answers a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AGGREGATED,
  aggregatedDiscovery,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
  VERSION,
} from '../discovery/discovery.ts';
import { openApiDocument, openApiIndex } from '../discovery/openapi.ts';
import { answerReview, REVIEWS } from '../discovery/reviews.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { parseObject, readBody } from './body.ts';
import type { Context } from './context.ts';
import { handleGet, handleList } from './read.ts';
import { negotiate, parseAccept, parseResourcePath } from './request.ts';
import type { ResourceRequest } from './request.ts';
import { sendError, sendObject, sendText } from './respond.ts';
import { handleScale } from './scale.ts';
import { badRequest, methodNotAllowed, StatusError } from '../api/status-error.ts';
import { Watch } from './watch.ts';
import { handleCreate, handleDelete, handleDeleteCollection, handlePatch, handleUpdate } from './write.ts';

const NOT_FOUND = (): StatusError => new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

/** What asks for a container: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/. */
const OF_CONTAINERS: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Answers a request; refusals are answered too, and what is thrown beside them is a 500. */
export async function route(context: Context, message: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = URL.parse(message.url ?? '/', 'http://localhost');
    if (url === null) throw badRequest('the request target is not a path');
    const request = parseResourcePath(message.method ?? 'GET', url);
    if (request === undefined) {
      routeDocument(context, message, response, url);
    } else {
      await routeResource(context, message, response, request);
    }
  } catch (error) {
    const refusal =
      error instanceof StatusError ? error : new StatusError(500, 'InternalError', `Internal error occurred: ${String(error)}`);
    if (!(error instanceof StatusError)) context.onBug(error);
    // The rest of a body that was too large is not waited for.
    if (refusal.code === 413) response.setHeader('Connection', 'close');
    if (response.headersSent) response.destroy();
    else sendError(response, refusal);
  }
}

function routeDocument(context: Context, message: IncomingMessage, response: ServerResponse, url: URL): void {
  const { registry } = context.storage;
  if (message.method !== 'GET' && message.method !== 'HEAD') throw methodNotAllowed();
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  if (path === '/api' || path === '/apis') {
    const aggregated = parseAccept(message.headers.accept).find(
      ({ parameters }) => parameters.get('as') === 'APIGroupDiscoveryList',
    );
    if (aggregated?.parameters.get('v') === 'v2') {
      sendText(response, 200, JSON.stringify(aggregatedDiscovery(registry, path === '/api')), AGGREGATED);
    } else sendObject(response, 200, path === '/api' ? coreVersions() : groupList(registry));
    return;
  }
  const document = documentAt(context, path);
  if (document === undefined) throw NOT_FOUND();
  if (typeof document === 'string') sendText(response, 200, document, 'text/plain; charset=utf-8');
  else sendObject(response, 200, document);
}

function documentAt(context: Context, path: string): Record<string, unknown> | string | undefined {
  const { registry } = context.storage;
  if (path === '/version') return VERSION;
  if (path === '/openapi/v3') return openApiIndex(context.storage);
  if (path.startsWith('/openapi/v3/')) return openApiDocument(context.storage, path.slice('/openapi/v3/'.length));
  if (/^\/(?:healthz|livez|readyz)(?:\/|$)/.test(path)) return 'ok';
  if (path === '/') return { paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'] };
  const [, root, group, version] = path.split('/');
  if (root === 'api' && group !== undefined) return resourceList(registry, group);
  if (root !== 'apis' || group === undefined) return undefined;
  return version === undefined ? groupDocument(registry, group) : resourceList(registry, `${group}/${version}`);
}

async function routeResource(
  context: Context,
  message: IncomingMessage,
  response: ServerResponse,
  parsed: NonNullable<ReturnType<typeof parseResourcePath>>,
): Promise<void> {
  const { verb } = parsed;
  if (verb === undefined) throw methodNotAllowed();
  const request: ResourceRequest = { ...parsed, verb };
  if (await meetFault(context, request, response)) return;
  const review = REVIEWS.find(
    (candidate) => candidate.plural === request.plural && apiVersionOf(candidate) === request.apiVersion,
  );
  if (review !== undefined) {
    if (verb !== 'create') throw methodNotAllowed();
    const object = parseObject(message, await readBody(message));
    sendObject(response, 201, answerReview(review, object, context.faults));
    return;
  }
  const type = context.storage.registry.find(request.apiVersion, request.plural);
  if (type === undefined) throw NOT_FOUND();
  if (type.storageKey === 'pods' && OF_CONTAINERS.has(request.subresource ?? '')) {
    const why = 'the embedded cluster has no containers; a Pod is an HTTP server at the address in its status.podIP';
    throw new StatusError(501, 'NotImplemented', `pods/${request.subresource} is not available: ${why}`);
  }
  checkScope(type, request);
  const form = negotiate(message.headers.accept);
  if (form === undefined) {
    throw new StatusError(
      406,
      'NotAcceptable',
      'only the following media types are accepted: application/json, application/yaml',
    );
  }
  if (verb === 'get' && request.subresource !== 'scale') {
    handleGet(context, request, type, form, response);
    return;
  }
  const reads = verb === 'get' || verb === 'list' || verb === 'watch';
  const body = reads ? Buffer.alloc(0) : await readBody(message);
  const write = { context, request, type, form, message, body, response };
  if (request.subresource === 'scale' && type.scale !== undefined) {
    if (!['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
    handleScale(write, type, type.scale);
    return;
  }
  switch (verb) {
    case 'list':
      handleList(context, request, type, form, response);
      return;
    case 'watch': {
      const watch = new Watch(context, request, type, form, response);
      context.faults.remember(watch);
      watch.start();
      return;
    }
    case 'create':
      handleCreate(write);
      return;
    case 'update':
      handleUpdate(write);
      return;
    case 'patch':
      handlePatch(write);
      return;
    case 'delete':
      handleDelete(write);
      return;
    case 'deletecollection':
      handleDeleteCollection(write);
      return;
    case 'get':
      throw NOT_FOUND();
  }
}

/** Whether the path fits what the resource is: its scope, its subresources, the verbs these have. */
function checkScope(type: ResourceType, request: ResourceRequest): void {
  const { verb, namespace, name, subresource } = request;
  if (!type.namespaced && namespace !== undefined) throw NOT_FOUND();
  if (type.namespaced && namespace === undefined && (name !== undefined || verb === 'create')) {
    if (verb === 'create') throw methodNotAllowed();
    throw NOT_FOUND();
  }
  if (verb === 'create' && name !== undefined) throw methodNotAllowed();
  if (subresource === undefined) return;
  const known = (subresource === 'status' && type.hasStatus) || (subresource === 'scale' && type.scale !== undefined);
  if (!known) throw NOT_FOUND();
  if (!['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
}

/** Does to a request what the faults say. Returns whether it is done with. */
async function meetFault(context: Context, request: ResourceRequest, response: ServerResponse): Promise<boolean> {
  const interception = context.faults.intercept(request);
  switch (interception.kind) {
    case 'none':
      return false;
    case 'fail':
      throw interception.error;
    case 'stall':
      context.faults.hold(() => {
        response.socket?.destroy();
      });
      return true;
    case 'delay':
      break;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, interception.milliseconds);
  await promise;
  return response.destroyed;
}
