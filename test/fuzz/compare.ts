/** The oracle: we refuse a stream, or we see in it what llhttp sees. */
import { cuts } from './mutate.ts';
import type { Random } from './random.ts';
import * as llhttp from './llhttp.ts';
import type { Message, Reading } from './message.ts';
import * as ours from './ours.ts';

/** Request fields that never reach an upstream as the client sent them. */
const REQUEST_DROPPED = new Set(
  (
    'host transfer-encoding connection upgrade expect te x-request-id x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port keep-alive ' +
    'proxy-connection proxy trailer http2-settings x-real-ip x-scheme x-forwarded-scheme x-forwarded-prefix x-original-forwarded-for ' +
    'x-original-forwarded-host x-original-uri'
  ).split(' '),
);
const RESPONSE_DROPPED = new Set(
  'transfer-encoding connection upgrade server keep-alive proxy-connection trailer te x-pad strict-transport-security'.split(
    ' ',
  ),
);
/** What Connection may not take away (of the names the generator uses). */
const KEPT = new Set(['cookie', 'content-length', 'host', 'te', 'transfer-encoding']);

/**
 * Reads `text` as requests with both parsers. Returns what is wrong: a request that only we see, or that we see differently, or
 * one whose re-serialised form llhttp reads differently. Null: nothing.
 */
export function compareRequests(text: string, random: Random): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const mine = ours.readRequests(bytes, [bytes.length]);
  const pieces = ours.readRequests(bytes, cuts(bytes.length, random));
  if (!sameReading(mine, pieces)) return `cut otherwise, it reads ${show(pieces)} instead of ${show(mine)}`;
  const theirs = llhttp.readRequests(bytes);
  for (const [index, message] of mine.messages.entries()) {
    // We pass on methods llhttp has not heard of; it cannot judge them. These two are refused after the parser.
    if (!llhttp.KNOWN_METHODS.has(message.start) || message.start === 'CONNECT' || message.start === 'TRACE') return null;
    const last = index >= theirs.messages.length - 1;
    // llhttp lets an upgrade end the message, even if it has a body; we do not upgrade then.
    if (last && (theirs.upgraded || tolerated(theirs.refused, message, text))) return null;
    const other = theirs.messages[index];
    if (other === undefined) return `request ${index} is only ours (llhttp: ${theirs.refused})`;
    if (message.complete !== other.complete) {
      if (mine.refused !== '' && !message.complete) return null;
      return `request ${index} is ${message.complete ? '' : 'in'}complete (llhttp: ${theirs.refused})`;
    }
    if (message.start !== other.start) return `method ${message.start} (llhttp: ${other.start})`;
    if (message.target !== other.target.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/'))
      return `target ${message.target}`;
    if (message.body !== other.body) return `body ${JSON.stringify(message.body)} (llhttp: ${JSON.stringify(other.body)})`;
    const lost = differentFields(message, other, REQUEST_DROPPED, message.connection, true);
    if (lost !== null) return lost;
    const wrong = message.complete ? reserialised(message) : null;
    if (wrong !== null) return wrong;
  }
  if (mine.refused === '' && theirs.messages.length > mine.messages.length && !theirs.upgraded) {
    return `llhttp sees request ${mine.messages.length}, we wait for more`;
  }
  return null;
}

/** Where we take what llhttp does not, and pass on nothing of it. */
function tolerated(refused: string, message: Message, text: string): boolean {
  // Extensions of chunks end here, whatever is in them.
  if (/chunk extension/i.test(refused)) return true;
  // Trailer fields that would frame a message are dropped; llhttp heeds them all the same.
  if (/^(?:content-length|transfer-encoding|connection|upgrade):/im.test(message.trailers)) return true;
  // `Connection: close` in an interim response says something about the final one.
  if (/Connection: close/.test(refused) && Number(message.start) >= 200) return true;
  // White space behind a value is no part of it (RFC 9112 §5.1); llhttp does not see that in this field.
  return /transfer-encoding:[ \t]*chunked[ \t]+\r\n/i.test(text);
}

/** What the upstream gets must be one request, the same one. */
function reserialised(message: ours.OurRequest): string | null {
  const { messages, refused } = llhttp.readRequests(Buffer.from(message.forwarded, 'latin1'));
  const [again] = messages;
  if (messages.length === 1 && again!.complete && again!.body === message.body && again!.target === message.target) return null;
  return `the upstream gets ${JSON.stringify(message.forwarded)} (llhttp: ${refused})`;
}

/** As `compareRequests`, for the response to one request. */
export function compareResponses(text: string, random: Random): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const toHead = random.oneIn(6);
  const mine = ours.readResponse(bytes, toHead, [bytes.length]);
  const pieces = ours.readResponse(bytes, toHead, cuts(bytes.length, random));
  if (!sameReading(mine, pieces)) return `cut otherwise, it reads ${show(pieces)} instead of ${show(mine)}`;
  if (mine.refused !== '') return null;
  const theirs = llhttp.readResponse(bytes, toHead);
  const message = mine.messages.at(-1)!;
  const other = theirs.messages.at(-1);
  if (tolerated(theirs.refused, message, text)) return null;
  if (other === undefined || !other.complete) return `only we see a response (llhttp: ${theirs.refused})`;
  if (message.start !== other.start) return `status ${message.start} (llhttp: ${other.start})`;
  if (message.body !== other.body) return `body ${JSON.stringify(message.body)} (llhttp: ${JSON.stringify(other.body)})`;
  const connection = other.fields.filter(([name]) => name === 'connection').map(([, value]) => value);
  return differentFields(message, other, RESPONSE_DROPPED, connection.join(','), false);
}

function differentFields(
  message: Message,
  other: Message,
  dropped: ReadonlySet<string>,
  connection: string,
  plainNames: boolean,
): string | null {
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((token) => token.trim())
      .filter(
        (token) =>
          !KEPT.has(token) &&
          !/^(?:close|keep-alive|upgrade|x-forwarded-.*|x-original-.*|set-cookie|authorization|forwarded)$/.test(token),
      ),
  );
  const lengthDropped = message.start === '204';
  const expected = other.fields.filter(
    ([name]) =>
      !dropped.has(name) &&
      !named.has(name) &&
      !(plainNames && /[^a-z0-9-]/.test(name)) &&
      !(lengthDropped && name === 'content-length'),
  );
  const a = JSON.stringify(message.fields);
  const b = JSON.stringify(expected);
  return a === b ? null : `fields ${a} (llhttp: ${b})`;
}

/** Refusing a little earlier or later is the same; what was seen before that must not differ. */
function sameReading(a: Reading, b: Reading): boolean {
  if ((a.refused === '') !== (b.refused === '') || a.messages.length !== b.messages.length) return false;
  return a.messages.every((message, index) => {
    const other = b.messages[index]!;
    return message.start === other.start && message.complete === other.complete && message.body === other.body;
  });
}

function show({ messages, refused }: Reading): string {
  return JSON.stringify({ refused, messages: messages.map(({ start, body, complete }) => [start, body, complete]) });
}
