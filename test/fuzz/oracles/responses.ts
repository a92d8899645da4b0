/** The oracle for responses: we refuse a stream, or we see in it what llhttp, undici and Milo see. */
import { cuts } from '../inputs/mutate.ts';
import type { Random } from '../random.ts';
import type { ValidResponse } from '../inputs/valid.ts';
import * as llhttp from '../parsers/llhttp.ts';
import type { Message, Reading } from '../parsers/message.ts';
import * as ours from '../parsers/ours.ts';
import { Undici } from '../parsers/undici.ts';
import { ambiguous, different, differentFields, differentReading, returnedFields } from './rules.ts';
import type { Tally } from './tally.ts';

const FRAMING = new Set(['content-length', 'transfer-encoding']);

const undici = new Undici(false);
const milo = new Undici(true);

/**
 * Reads `text` as the response to a request, whole and in pieces, and with the others. Returns what is wrong; null: nothing.
 * undici is slow: unless `everyone` is wanted, it is asked about a part of the streams.
 */
export function compareResponses(text: string, random: Random, tally: Tally, everyone: boolean): string | null {
  const toHead = random.oneIn(6);
  const one = { text, toHead, wantsUpgrade: !toHead && random.oneIn(10) };
  return compare(one, random, tally, everyone).problem;
}

/** A response that we must take, and see as it was meant. */
export function compareValidResponse(valid: ValidResponse, random: Random, tally: Tally): string | null {
  tally.valid++;
  const { mine, problem } = compare(valid, random, tally, random.oneIn(2));
  if (mine.refused !== '') return `valid, but refused: ${mine.refused}`;
  return (
    different('responses', mine.messages.length, valid.messages.length) ??
    mine.messages.reduce<string | null>(
      (wrong, message, index) => wrong ?? compareMessages('what was meant', message, valid.messages[index]!),
      null,
    ) ??
    different('reuse', mine.messages.at(-1)!.keepAlive, valid.messages.at(-1)!.keepAlive) ??
    problem
  );
}

function compare(
  { text, toHead, wantsUpgrade }: Omit<ValidResponse, 'messages'>,
  random: Random,
  tally: Tally,
  everyone: boolean,
): { readonly mine: Reading; readonly problem: string | null } {
  const bytes = Buffer.from(text, 'latin1');
  const mine = ours.readResponse(bytes, toHead, wantsUpgrade, [bytes.length]);
  const pieces = ours.readResponse(bytes, toHead, wantsUpgrade, cuts(bytes.length, random));
  let problem = differentReading(mine, pieces);
  const theirs = llhttp.readResponse(bytes, toHead);
  tally.add(theirs.refused === '' && theirs.messages.at(-1)?.complete === true, mine.refused === '', mine.refused);
  if (mine.refused === '') {
    problem ??= judge('llhttp', theirs, mine, text, tally);
    if (everyone || random.oneIn(4))
      problem ??= judge(undici.name, undici.readResponse(bytes, toHead, wantsUpgrade), mine, text, tally);
    if (everyone || random.oneIn(2))
      problem ??= judge(milo.name, milo.readResponse(bytes, toHead, wantsUpgrade), mine, text, tally);
  }
  return { mine, problem };
}

/** What we take, they must take too; but Milo, which is experimental, is heard only where it takes it. */
function judge(name: string, theirs: Reading, mine: Reading, text: string, tally: Tally): string | null {
  const others = theirs.messages.filter(({ start }) => start !== '100');
  const other = others.at(-1);
  const last = mine.messages.at(-1)!;
  if (other?.complete !== true || (Number(other.start) < 200 && other.start !== '101')) {
    const excused = name === milo.name || tolerated(theirs.refused, last, text);
    return excused ? null : `only we see a response (${name}: ${theirs.refused})`;
  }
  // White space behind a value is no part of it (RFC 9112 §5.1). llhttp does not see that here, and takes the chunks for the body.
  if (name !== milo.name && /transfer-encoding:[ \t]*chunked[ \t]+\r\n/i.test(text)) return null;
  // Milo reads no body, as a server must send none (RFC 9110 §15.3.6); but what is sent is framed as ever (RFC 9112 §6.3).
  if (name === milo.name && last.start === '205') return null;
  const lax = ambiguous(other);
  if (lax !== null) return `the response ${lax}`;
  if (others.length !== mine.messages.length) return `${mine.messages.length} responses (${name}: ${others.length})`;
  for (const [index, message] of mine.messages.entries()) {
    tally.compared++;
    const seen = others[index]!;
    // An interim response has no body, and must not speak of one (RFC 9110 §8.6, RFC 9112 §6.1).
    const framed = Number(seen.start) < 200 && seen.start !== '101' && seen.fields.some(([field]) => FRAMING.has(field));
    if (framed) return `response ${index} is an interim one with a body`;
    const unlike = compareMessages(name, message, seen);
    if (unlike !== null) return unlike;
  }
  if (!last.keepAlive || other.keepAlive || reuseTolerated(other, text)) return null;
  return `the connection is used again (${name}: it is not)`;
}

function compareMessages(name: string, message: Message, other: Message): string | null {
  const unlike =
    different('status', message.start, other.start) ??
    differentFields('fields', message.fields, returnedFields(other)) ??
    different('body', message.body, other.body) ??
    differentFields('trailers', message.trailers, other.trailers);
  return unlike === null ? null : `response, ours and ${name}: ${unlike}`;
}

/** Where we take what the others do not. */
function tolerated(refused: string, last: Message, text: string): boolean {
  // Extensions of chunks end here, whatever is in them.
  if (/chunk extension/i.test(refused)) return true;
  // Trailer fields that would frame a message are dropped; llhttp heeds them all the same.
  if (last.trailers.some(([name]) => /^(?:content-length|transfer-encoding|connection|upgrade)$/.test(name))) return true;
  // `Connection: close` in an interim response says something about the final one.
  if (refused === '' || /Connection: close|other side closed/.test(refused))
    return /^(?:proxy-)?connection:.*close/im.test(text);
  // undici answers no Expect, and takes no 100 Continue.
  if (refused === 'bad response' && /^HTTP\/1\.1 100[ \r]/m.test(text)) return true;
  // undici takes the white space behind a Content-Length for digits.
  return /content-length/i.test(refused) && /content-length:[ \t]*\d+[ \t]+\r\n/i.test(text);
}

/** Where we use a connection again that others close. */
function reuseTolerated({ start, fields }: Message, text: string): boolean {
  const framed = fields.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
  // The response to a HEAD needs no framing to be without a body; a 304 may announce one (RFC 9110 §8.6).
  if (!framed || start === '304') return true;
  // llhttp takes Proxy-Connection for Connection; undici's does not see `keep-alive` with white space behind it.
  // It heeds the time a server keeps connections, which may be none, also in an interim response; we find out when we use it.
  return (
    fields.some(([name]) => name === 'proxy-connection') ||
    /^keep-alive:/im.test(text) ||
    /^connection:.*keep-alive[ \t]+\r$/im.test(text)
  );
}
