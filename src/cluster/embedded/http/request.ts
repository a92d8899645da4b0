/** What a request asks for: verb, resource, name, subresource, and how it wants the answer. */
import type { IncomingMessage } from 'node:http';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request for a resource, as its path and method tell. */
export interface ResourceRequest {
  readonly verb: Verb;
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  readonly plural: string;
  /** Undefined for cluster-scoped resources and for requests over all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

/** `true` and `1`, and a parameter without a value, as Go's strconv and the API conventions have it. */
export function isTrue(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && (value === '' || value === 'true' || value === '1' || value === 'True');
}

function verbOf(method: string, named: boolean, watch: boolean): Verb | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (named) return 'get';
      return watch ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return named ? 'update' : undefined;
    case 'PATCH':
      return named ? 'patch' : undefined;
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return undefined;
  }
}

/** The parts of a path after `/api/v1` or `/apis/group/version`; undefined when the path is not one of a resource, a verb of undefined when the method does not fit it. */
export function parseResourcePath(
  method: string,
  url: URL,
): (Omit<ResourceRequest, 'verb'> & { readonly verb: Verb | undefined }) | undefined {
  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  let decoded: string[];
  try {
    decoded = segments.map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
  let rest: string[];
  let apiVersion: string;
  if (decoded[0] === 'api' && decoded[1] !== undefined) {
    apiVersion = decoded[1];
    rest = decoded.slice(2);
  } else if (decoded[0] === 'apis' && decoded[1] !== undefined && decoded[2] !== undefined) {
    apiVersion = `${decoded[1]}/${decoded[2]}`;
    rest = decoded.slice(3);
  } else {
    return undefined;
  }
  if (rest.length === 0) return undefined;
  let namespace: string | undefined;
  // `/namespaces/x` is the object x, `/namespaces/x/status` its subresource, and `/namespaces/x/pods` a resource in it.
  const ownSubresource = rest[2] === 'status' || rest[2] === 'finalize';
  if (rest[0] === 'namespaces' && rest.length > 2 && !ownSubresource) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [plural, name, subresource, ...more] = rest;
  if (plural === undefined || more.length > 0) return undefined;
  const verb = verbOf(method, name !== undefined, isTrue(url.searchParams, 'watch'));
  return { verb, apiVersion, plural, namespace, name, subresource, query: url.searchParams };
}

/** One media type of an Accept header, with its parameters. */
interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The media types of a header in the order in which they are preferred (RFC 9110 section 12.5.1; quality values are honoured). */
export function parseAccept(header: string | undefined): MediaType[] {
  return (header ?? '*/*')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim());
      const pairs = parameters.map((text): [string, string] => {
        const equals = text.indexOf('=');
        return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
      });
      return { type: type.toLowerCase(), parameters: new Map(pairs) };
    })
    .filter(({ type }) => type !== '')
    .sort((a, b) => Number(b.parameters.get('q') ?? 1) - Number(a.parameters.get('q') ?? 1));
}

/** How an answer about resources is written. */
export interface Representation {
  readonly format: 'json' | 'yaml';
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata';
}

/** The first of the wanted forms that can be given; undefined when there is none, which is a 406. */
export function negotiate(header: string | undefined): Representation | undefined {
  for (const { type, parameters } of parseAccept(header)) {
    const format = type === 'application/yaml' ? 'yaml' : 'json';
    if (!['application/json', 'application/yaml', '*/*', 'application/*'].includes(type)) continue;
    const as = parameters.get('as');
    if (as === undefined) return { format, as: 'object' };
    if (parameters.get('g') !== 'meta.k8s.io' || parameters.get('v') !== 'v1') continue;
    if (as === 'Table') return { format, as };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { format, as: 'PartialObjectMetadata' };
  }
  return undefined;
}

/** The media type of a body without its parameters, in lower case; empty when there is none. */
export function contentType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Who writes, for `managedFields`: the query parameter, or the program's name from its User-Agent. */
export function fieldManager(request: IncomingMessage, query: URLSearchParams): string {
  const given = query.get('fieldManager');
  if (given !== null && given !== '') return given;
  return (request.headers['user-agent'] ?? 'unknown').split('/')[0]?.slice(0, 128) ?? 'unknown';
}
