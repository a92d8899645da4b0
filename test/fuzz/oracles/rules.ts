/** What of a message goes no further than one hop: written down a second time, so that the source can be wrong. */
import type { Field, Message, Reading } from '../parsers/message.ts';

/** Request fields that never reach an upstream as the client sent them. */
const REQUEST_DROPPED = new Set(
  (
    'host transfer-encoding connection upgrade expect te x-request-id x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port keep-alive ' +
    'proxy-connection proxy trailer http2-settings x-real-ip x-scheme x-forwarded-scheme x-forwarded-prefix x-original-forwarded-for ' +
    'x-original-forwarded-host x-original-uri ssl-client-cert ssl-client-verify ssl-client-subject-dn ssl-client-issuer-dn'
  ).split(' '),
);
const RESPONSE_DROPPED = new Set(
  (
    'transfer-encoding connection upgrade server keep-alive proxy-connection trailer te x-pad strict-transport-security ' +
    'x-accel-redirect x-accel-buffering x-accel-charset x-accel-expires x-accel-limit-rate'
  ).split(' '),
);
/** What Connection may not take away. */
const KEPT =
  /^(?:host|content-length|transfer-encoding|te|cookie|set-cookie|authorization|forwarded|x-forwarded-.*|x-original-.*|x-real-ip|x-request-id|x-scheme|close|keep-alive|upgrade)$/;
/** RFC 9110 §6.5.1: what has no business in a trailer section, of the names that are generated. */
const TRAILERS_DROPPED = /^(?:content-length|transfer-encoding|host|connection|upgrade|cookie|set-cookie|te|trailer|keep-alive|expect|range|proxy.*|authorization|http2-settings|x-forwarded-.*|x-original-.*|x-real-ip|x-request-id|date|content-type)$/; // prettier-ignore

function named(fields: readonly Field[]): Set<string> {
  const lists = fields.filter(([name]) => name === 'connection').map(([, value]) => value.toLowerCase());
  const options = lists.flatMap((list) => list.split(',')).map((option) => option.replace(/^[ \t]+|[ \t]+$/g, ''));
  return new Set(options.filter((option) => option !== '' && !KEPT.test(option)));
}

/** The fields of a request that reach the upstream as they are, in order. */
export function forwardedFields(fields: readonly Field[]): Field[] {
  const removed = named(fields);
  return fields.filter(
    ([name]) => !REQUEST_DROPPED.has(name) && !removed.has(name) && /^(?!x-forwarded-.)[a-z0-9-]*$/.test(name),
  );
}

/** Content-Length behind the others and as a number: one that is written in an unusual way is written anew, there. */
export function lengthLast(fields: readonly Field[]): Field[] {
  const others = fields.filter(([name]) => name !== 'content-length');
  const lengths = fields
    .filter(([name]) => name === 'content-length')
    .map(([name, value]): Field => [name, String(Number(value))]);
  return [...others, ...lengths];
}

/** The target that the upstream gets: without dot segments, percent-encoded ones among them. */
export function upstreamTarget(target: string): string {
  const [path = '', ...query] = target.split(/(?=\?)/);
  const parts = path.slice(1).split(/\/|%2f/i);
  const dots = parts.map((part) => part.replace(/%2e/gi, '.')).map((part) => (part === '.' || part === '..' ? part : ''));
  if (dots.every((each) => each === '')) return target;
  const kept: string[] = [];
  for (const [index, part] of parts.entries()) {
    if (dots[index] === '..') kept.pop();
    else if (dots[index] === '' && part !== '') kept.push(part);
  }
  const slash = kept.length > 0 && (dots.at(-1) !== '' || parts.at(-1) === '');
  return `/${kept.join('/')}${slash ? '/' : ''}${query.join('')}`;
}

/** The fields of a response that reach the client as they are, in order. */
export function returnedFields({ start, fields }: Pick<Message, 'start' | 'fields'>): Field[] {
  const removed = named(fields);
  const noLength = start === '204' || start === '101';
  return fields.filter(
    ([name]) => !RESPONSE_DROPPED.has(name) && !removed.has(name) && !(noLength && name === 'content-length'),
  );
}

/** The trailer fields that are passed on; the generated names that a proxy must drop are not. */
export function passedTrailers(trailers: readonly Field[]): Field[] {
  return trailers.filter(([name]) => !TRAILERS_DROPPED.test(name.replaceAll('_', '-')));
}

/** What RFC 9112 §6 calls ambiguous; who takes it is wrong, whatever others do. `seen` by a parser that tells the version. */
export function ambiguous({ fields, minor }: Message): string | null {
  const lengths = fields.filter(([name]) => name === 'content-length').length;
  const encodings = fields.filter(([name]) => name === 'transfer-encoding').length;
  if (lengths > 1 || encodings > 1) return `has ${lengths} lengths and ${encodings} encodings`;
  if (lengths > 0 && encodings > 0) return 'has a length and chunks';
  return encodings > 0 && minor === 0 ? 'has chunks with HTTP/1.0' : null;
}

/** What is different, in words; null if nothing. */
export function different<T extends string | number | boolean>(what: string, ours: T, theirs: T): string | null {
  return ours === theirs ? null : `${what} ${JSON.stringify(ours)}, but ${JSON.stringify(theirs)}`;
}

/** As `different`, for lists of fields. */
export function differentFields(what: string, ours: readonly Field[], theirs: readonly Field[]): string | null {
  const same =
    ours.length === theirs.length && ours.every(([name, value], i) => name === theirs[i]![0] && value === theirs[i]![1]);
  return same ? null : `${what} ${JSON.stringify(ours)}, but ${JSON.stringify(theirs)}`;
}

/** Refusing a little earlier or later is the same; what was seen before that must not differ. */
export function differentReading(whole: Reading, pieces: Reading): string | null {
  const same =
    (whole.refused === '') === (pieces.refused === '') &&
    whole.messages.length === pieces.messages.length &&
    whole.messages.every((message, index) => {
      const other = pieces.messages[index]!;
      return (
        message.complete === other.complete &&
        message.start === other.start &&
        message.target === other.target &&
        message.body === other.body &&
        differentFields('', message.fields, other.fields) === null &&
        differentFields('', message.trailers, other.trailers) === null
      );
    });
  return same ? null : `cut otherwise, it reads ${JSON.stringify(pieces)} instead of ${JSON.stringify(whole)}`;
}
