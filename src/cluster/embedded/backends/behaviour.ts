/**
 * What a backend can be told to do. Each directive can be given per request, as a query parameter (`?delay=100ms`) or as a
 * header (`x-backend-delay: 100ms`), and for a whole Pod as an annotation (`backend.sluice.dev/delay: 100ms`). A query
 * parameter goes before a header, a header before the annotation. Values that cannot be understood are answered with 400.
 *
 * | directive  | value                    | what the backend does                                                                  |
 * |------------|--------------------------|----------------------------------------------------------------------------------------|
 * | `delay`    | `100ms`, `2s`            | waits before it answers                                                                |
 * | `status`   | `200`–`599`              | answers with that status; with `Expect: 100-continue` and 4xx/5xx, without the 100     |
 * | `reset`    | `before-head`, `in-body` | resets the connection (RST) instead of answering, or after half of the body            |
 * | `stream`   | `10x1024@5ms`            | a chunked body of 10 chunks of 1024 bytes, 5 ms apart (`@…` may be left out)           |
 * | `size`     | `1048576`                | a body of that many bytes with a Content-Length                                        |
 * | `close`    | `1`                      | closes the connection after the answer, saying `Connection: close`                     |
 * | `header`   | `Name:value`             | adds a response header; may be repeated                                                |
 * | `trailer`  | `Name:value`             | sends the body chunked, followed by this trailer; may be repeated                      |
 * | `echo`     | `1`                      | answers with the request's body as it arrives, with its Content-Type                   |
 * | `chunked`  | `1`                      | sends the usual JSON chunked instead of with a Content-Length                          |
 * | `early`    | `1`                      | answers without waiting for the request's body                                         |
 * | `hints`    | `1`                      | sends a 103 (Early Hints) before the answer                                            |
 * | `hash`     | `1`                      | adds `bodySha256` of the request's body to the JSON                                    |
 *
 * Annotations only, read by the Pod's controller:
 *
 * | annotation                        | value           | what it does                                                       |
 * |-----------------------------------|-----------------|--------------------------------------------------------------------|
 * | `backend.sluice.dev/ready`        | `true`, `false` | `false` keeps the Pod's Ready condition false; it still serves     |
 * | `backend.sluice.dev/ready-after`  | `500ms`         | how long after its start the Pod becomes ready                     |
 */

/** Begins the annotations that tell a Pod's backend what to do. */
export const BACKEND_ANNOTATION_PREFIX = 'backend.sluice.dev/';

/** Begins the request headers that tell a backend what to do. */
const BACKEND_HEADER_PREFIX = 'x-backend-';

/** A body of `count` chunks of `size` bytes, `intervalMs` apart. */
interface Stream {
  readonly count: number;
  readonly size: number;
  readonly intervalMs: number;
}

/** What a backend does with one request, or by default with every request. */
export interface Behaviour {
  readonly delayMs?: number;
  readonly status?: number;
  readonly reset?: 'before-head' | 'in-body';
  readonly stream?: Stream;
  readonly size?: number;
  readonly close?: boolean;
  readonly headers?: readonly (readonly [string, string])[];
  readonly trailers?: readonly (readonly [string, string])[];
  readonly echo?: boolean;
  readonly chunked?: boolean;
  readonly early?: boolean;
  readonly hints?: boolean;
  readonly hash?: boolean;
}

type Mutable = { -readonly [K in keyof Behaviour]: Behaviour[K] };

/** Milliseconds of a duration such as `100ms`, `2s`, `1m`; a bare number is milliseconds. Undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match) return undefined;
  const factor = match[2] === 'm' ? 60_000 : match[2] === 's' ? 1000 : 1;
  const value = Number(match[1]) * factor;
  // The longest that setTimeout takes.
  return value <= 0x7fff_ffff ? value : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  if (text === '1' || text === 'true' || text === '') return true;
  return text === '0' || text === 'false' ? false : undefined;
}

function parseInteger(text: string, low: number, high: number): number | undefined {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : undefined;
}

function parseStream(text: string): Stream | undefined {
  const match = /^(\d{1,7})x(\d{1,8})(?:@(.+))?$/.exec(text);
  if (!match) return undefined;
  const intervalMs = match[3] === undefined ? 0 : parseDuration(match[3]);
  return intervalMs === undefined ? undefined : { count: Number(match[1]), size: Number(match[2]), intervalMs };
}

function parseField(text: string): readonly [string, string] | undefined {
  // A token and a value without control characters (RFC 9110 §5).
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text);
  return match ? [match[1] ?? '', match[2] ?? ''] : undefined;
}

function flag(key: 'close' | 'echo' | 'chunked' | 'early' | 'hints' | 'hash') {
  return (text: string, into: Mutable): boolean => {
    const value = parseBoolean(text);
    if (value === undefined) return false;
    into[key] = value;
    return true;
  };
}

function number(key: 'delayMs' | 'status' | 'size', parse: (text: string) => number | undefined) {
  return (text: string, into: Mutable): boolean => {
    const value = parse(text);
    if (value === undefined) return false;
    into[key] = value;
    return true;
  };
}

function fields(key: 'headers' | 'trailers') {
  return (text: string, into: Mutable): boolean => {
    const field = parseField(text);
    if (!field) return false;
    into[key] = [...(into[key] ?? []), field];
    return true;
  };
}

/** Each directive reads its value into a behaviour, or answers false. */
const DIRECTIVES: ReadonlyMap<string, (text: string, into: Mutable) => boolean> = new Map([
  ['delay', number('delayMs', parseDuration)],
  ['status', number('status', (text) => parseInteger(text, 200, 599))],
  ['size', number('size', (text) => parseInteger(text, 0, 1e12))],
  ['close', flag('close')],
  ['echo', flag('echo')],
  ['chunked', flag('chunked')],
  ['early', flag('early')],
  ['hints', flag('hints')],
  ['hash', flag('hash')],
  ['header', fields('headers')],
  ['trailer', fields('trailers')],
  [
    'reset',
    (text, into) => {
      if (text !== 'before-head' && text !== 'in-body') return false;
      into.reset = text;
      return true;
    },
  ],
  [
    'stream',
    (text, into) => {
      const stream = parseStream(text);
      if (!stream) return false;
      into.stream = stream;
      return true;
    },
  ],
]);

/** A behaviour, and the directives whose values could not be understood, each as `name=value`. */
interface ParsedBehaviour {
  readonly behaviour: Behaviour;
  readonly errors: readonly string[];
}

function read(directives: Iterable<readonly [string, string]>, into: Mutable, errors: string[]): void {
  for (const [name, value] of directives) {
    const directive = DIRECTIVES.get(name);
    if (directive && !directive(value, into)) errors.push(`${name}=${value}`);
  }
}

/** The behaviour that a Pod's annotations ask for. */
export function behaviourOfAnnotations(annotations: Readonly<Record<string, string>> | undefined): ParsedBehaviour {
  const into: Mutable = {};
  const errors: string[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (key.startsWith(BACKEND_ANNOTATION_PREFIX)) read([[key.slice(BACKEND_ANNOTATION_PREFIX.length), value]], into, errors);
  }
  return { behaviour: into, errors };
}

/** The behaviour that one request asks for, over `base`: `base` itself when it asks for nothing. `rawHeaders` alternates names and values as node:http gives them. */
export function behaviourOfRequest(base: Behaviour, target: string, rawHeaders: readonly string[]): ParsedBehaviour {
  const question = target.indexOf('?');
  const directives: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    // The first character decides for nearly every header.
    const first = name.charCodeAt(0) | 0x20;
    if (first !== 0x78 || name.length <= BACKEND_HEADER_PREFIX.length) continue;
    const lower = name.toLowerCase();
    if (lower.startsWith(BACKEND_HEADER_PREFIX)) {
      directives.push([lower.slice(BACKEND_HEADER_PREFIX.length), rawHeaders[i + 1] ?? '']);
    }
  }
  if (question >= 0) {
    for (const [name, value] of new URLSearchParams(target.slice(question + 1))) {
      if (DIRECTIVES.has(name)) directives.push([name, value]);
    }
  }
  if (directives.length === 0) return { behaviour: base, errors: [] };
  const into: Mutable = { ...base };
  const errors: string[] = [];
  read(directives, into, errors);
  return { behaviour: into, errors };
}
