/** The oracle for requests: we refuse a stream, or we see in it what llhttp sees. */
import type { ValidRequests } from '../inputs/valid.ts';
import { cuts } from '../inputs/mutate.ts';
import type { Random } from '../random.ts';
import * as llhttp from '../parsers/llhttp.ts';
import type { Message } from '../parsers/message.ts';
import * as ours from '../parsers/ours.ts';
import { ambiguous, different, differentFields, differentReading, forwardedFields, lengthLast } from './rules.ts';
import type { Tally } from './tally.ts';

/** Reads `text` as requests, whole and in pieces, and with llhttp. Returns what is wrong; null: nothing. */
export function compareRequests(text: string, random: Random, tally: Tally): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const mine = ours.readRequests(bytes, [bytes.length]);
  const wrong = differentReading(mine, ours.readRequests(bytes, cuts(bytes.length, random)));
  if (wrong !== null) return wrong;
  const theirs = llhttp.readRequests(bytes);
  const whole = theirs.refused === '' && !theirs.upgraded && theirs.messages.at(-1)?.complete === true;
  tally.add(whole, mine.messages.length === theirs.messages.length && mine.messages.at(-1)?.complete === true, mine.refused);
  for (const [index, message] of mine.messages.entries()) {
    // We pass on methods llhttp has not heard of; it cannot judge them. CONNECT is refused after the parser.
    if (!llhttp.KNOWN_METHODS.has(message.start) || message.start === 'CONNECT') return null;
    const last = index >= theirs.messages.length - 1;
    // llhttp lets an upgrade end the message, even if it has a body; we do not upgrade then.
    if (last && (theirs.upgraded || tolerated(theirs.refused, message, text))) return null;
    const other = theirs.messages[index];
    if (other === undefined) return `request ${index} is only ours (llhttp: ${theirs.refused})`;
    if (message.complete !== other.complete) {
      if (mine.refused !== '' && !message.complete) return null;
      return `request ${index} is ${message.complete ? '' : 'in'}complete (llhttp: ${theirs.refused})`;
    }
    const odd = other.fields.some(([name]) => name === 'proxy-connection');
    if (message.keepAlive && !other.keepAlive && !odd) return `request ${index} keeps the connection (llhttp: it does not)`;
    tally.compared++;
    const lax = wrongHosts(other) ?? ambiguous(other);
    if (lax !== null) return `request ${index} ${lax}`;
    // Where we refuse in the middle of a body, llhttp may have seen more of it.
    const body = mine.refused === '' || message.complete ? other.body : other.body.slice(0, message.body.length);
    const unlike = compareMessages(message, { ...other, body, target: originForm(other.target) });
    if (unlike !== null) return `request ${index}, ours and llhttp's: ${unlike}`;
  }
  if (mine.refused === '' && theirs.messages.length > mine.messages.length && !theirs.upgraded) {
    return `llhttp sees request ${mine.messages.length}, we wait for more`;
  }
  return null;
}

/** Requests that we must take, and see as they were meant. */
export function compareValidRequests({ text, messages }: ValidRequests, random: Random, tally: Tally): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const mine = ours.readRequests(bytes, [bytes.length]);
  tally.valid++;
  const closed = messages.at(-1)!.keepAlive ? '' : 'closed';
  if (mine.refused !== closed) return `valid, but refused: ${mine.refused}`;
  if (mine.messages.length !== messages.length) return `${messages.length} requests, but we see ${mine.messages.length}`;
  for (const [index, message] of mine.messages.entries()) {
    const meant = messages[index]!;
    if (!message.complete) return `request ${index} is complete, but not to us`;
    const unlike = compareMessages(message, meant) ?? different('reuse', message.keepAlive, meant.keepAlive);
    if (unlike !== null) return `request ${index}, ours and what was meant: ${unlike}`;
  }
  return compareRequests(text, random, tally);
}

function compareMessages(message: Message, other: Message): string | null {
  return (
    different('method', message.start, other.start) ??
    different('target', message.target, other.target) ??
    differentFields('fields', lengthLast(message.fields), lengthLast(forwardedFields(other.fields))) ??
    different('body', message.body, other.body) ??
    // llhttp gives many trailers in parts, before it knows how they end.
    (message.complete ? differentFields('trailers', message.trailers, other.trailers) : null)
  );
}

/** What RFC 9112 §3.2 refuses and llhttp does not. */
function wrongHosts({ fields, minor }: Message): string | null {
  const hosts = fields.filter(([name]) => name === 'host').length;
  return hosts > 1 || (hosts === 0 && minor === 1) ? `has ${hosts} hosts` : null;
}

/** The authority of an absolute form becomes the host. */
function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/');
}

/** Where we take what llhttp does not, and pass on nothing of it. */
function tolerated(refused: string, message: Message, text: string): boolean {
  // Extensions of chunks end here, whatever is in them.
  if (/chunk extension/i.test(refused)) return true;
  // Trailer fields that would frame a message are dropped; llhttp heeds them all the same.
  if (message.trailers.some(([name]) => /^(?:content-length|transfer-encoding|connection|upgrade)$/.test(name))) return true;
  // llhttp takes Proxy-Connection for Connection, which it never was.
  if (/Connection: close/.test(refused) && /^proxy-connection:/im.test(text)) return true;
  // White space behind a value is no part of it (RFC 9112 §5.1); llhttp does not see that in this field.
  return /transfer-encoding:[ \t]*chunked[ \t]+\r\n/i.test(text);
}
