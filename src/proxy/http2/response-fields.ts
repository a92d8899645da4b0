/** Responses as HTTP/2 has them: names in lower case, nothing of one hop (RFC 9113 §8.2.2, §8.3.2). */
import type { Answer } from '../../policies/answer.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { Sink } from '../outbox.ts';

/** Takes the lines of a head apart into names and values. The parser has checked them, and left out what is for one hop. */
class Fields implements Sink {
  list: string[] = [];

  copy(bytes: Buffer, start: number, end: number): void {
    this.text(bytes.toString('latin1', start, end));
  }

  text(text: string): void {
    let at = 0;
    while (at < text.length) {
      const colon = text.indexOf(':', at);
      const lineEnd = text.indexOf('\r\n', colon);
      let start = colon + 1;
      let end = lineEnd;
      while (start < end && isWhite(text.charCodeAt(start))) start++;
      while (end > start && isWhite(text.charCodeAt(end - 1))) end--;
      const name = text.slice(at, colon).toLowerCase();
      if (name !== 'http2-settings') this.list.push(name, text.slice(start, end));
      at = lineEnd + 2;
    }
  }
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const shared = new Fields();

/** What was collected; the next head begins a list of its own. */
function taken(): string[] {
  const { list } = shared;
  shared.list = [];
  return list;
}

/** The statuses as text, made once. */
const STATUSES = Array.from({ length: 600 }, (_, status) => String(status));

/** The fields of a final response: name, value, name … `security`: the value of Strict-Transport-Security. `more`: further lines. */
export function responseFields(head: ResponseHead, status: number, security: string | null, more: string): string[] {
  shared.list.push(':status', STATUSES[status]!);
  head.runs.sendTo(shared, head.bytes, head.start);
  if (more !== '') shared.text(more);
  if (security !== null) shared.list.push('strict-transport-security', security);
  return taken();
}

/** The same for a tunnel of RFC 8441, whose 101 becomes a 200 without the answer to our own key. */
export function tunnelFields(head: ResponseHead, security: string | null, more: string): string[] {
  const fields = responseFields(head, 200, security, more);
  fields.splice(fields.indexOf('sec-websocket-accept'), 2);
  return fields;
}

/** The same as an object, which interim responses must be: several lines of one name are an array. */
export function interimFields(head: ResponseHead): Record<string, string | string[]> {
  head.runs.sendTo(shared, head.bytes, head.start);
  return { ':status': STATUSES[head.status]!, ...asObject(taken()) };
}

/** Trailer lines with CRLF as an object. */
export function trailerFields(lines: string): Record<string, string | string[]> {
  shared.text(lines);
  return asObject(taken());
}

/** The fields of an answer of our own. */
export function answerFields({ status, fields, contentType, body }: Answer, security: string | null): string[] {
  shared.list.push(':status', STATUSES[status]!);
  if (status !== 204 && status !== 304) {
    if (contentType !== '') shared.list.push('content-type', contentType);
    shared.list.push('content-length', String(body.length));
  }
  shared.text(fields);
  if (security !== null) shared.list.push('strict-transport-security', security);
  return taken();
}

/** So many bytes the fields would be as lines: what is counted as the size of a head. */
export function sizeOf(fields: readonly string[]): number {
  let size = 0;
  for (const part of fields) size += part.length + 2;
  return size;
}

function asObject(list: readonly string[]): Record<string, string | string[]> {
  const object = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    const before = object[name];
    if (before === undefined) object[name] = list[i + 1]!;
    else object[name] = [...(Array.isArray(before) ? before : [before]), list[i + 1]!];
  }
  return object;
}
