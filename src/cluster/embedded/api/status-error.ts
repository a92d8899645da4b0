/** What the API server answers when it refuses: a `metav1.Status` (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
import type { JsonObject } from './json.ts';

/** One reason why an object is invalid: `details.causes[]` of a 422. */
export interface Cause {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldManagerConflict'
    | 'FieldValueNotFound'
    | 'ResourceVersionTooLarge';
  readonly field: string;
  readonly message: string;
}

/** `details` of a Status. */
interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** Thrown for every request that is refused, over HTTP as in the process. `code` is the HTTP status. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The body of the answer. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** What a Status names: the plural resource (or, for 422, the kind) and its group. */
interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function qualified(named: Named): string {
  return named.group === '' ? named.plural : `${named.plural}.${named.group}`;
}

function detailsOf(named: Named, name: string): StatusDetails {
  return { name, ...(named.group === '' ? {} : { group: named.group }), kind: named.plural };
}

/** 404 for an object. */
export function notFound(named: Named, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(named)} "${name}" not found`, detailsOf(named, name));
}

/** 409: an object of that name exists. */
export function alreadyExists(named: Named, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', `${qualified(named)} "${name}" already exists`, detailsOf(named, name));
}

/** 409: the object is not in the state the request was made for. */
export function conflict(named: Named, name: string, why: string): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(named)} "${name}": ${why}`,
    detailsOf(named, name),
  );
}

/** 422 with its causes. */
export function invalid(named: Named, name: string, causes: readonly Cause[]): StatusError {
  const seen = new Set<string>();
  for (const cause of causes) seen.add(`${cause.field}: ${cause.message}`);
  const texts = [...seen];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = named.group === '' ? named.kind : `${named.kind}.${named.group}`;
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    name,
    ...(named.group === '' ? {} : { group: named.group }),
    kind: named.kind,
    causes,
  });
}

/** 403 for an object or, with an empty name, for a whole resource. */
export function forbidden(named: Named, name: string, why: string): StatusError {
  const subject = name === '' ? `${qualified(named)} is forbidden` : `${qualified(named)} "${name}" is forbidden`;
  return new StatusError(403, 'Forbidden', `${subject}: ${why}`, detailsOf(named, name));
}

/** 400 with a message of its own. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

/** 410: the resourceVersion or continue token is older than what is kept. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** 405 for a verb a resource has not. */
export function methodNotAllowed(): StatusError {
  return new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
