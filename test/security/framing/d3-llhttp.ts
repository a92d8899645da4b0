/** D3: what the strict parser of node:http refuses must reach no backend. */
import { expect } from 'vitest';
import { KNOWN_METHODS, readRequests } from '../../fuzz/parsers/llhttp.ts';
import { mutate } from '../../fuzz/inputs/mutate.ts';
import { Random } from '../../fuzz/random.ts';
import { BASELINE_CASES } from '../cases/all.ts';
import { fresh } from '../support/case.ts';
import { type SluiceSubject, sluiceSubject } from '../support/sluice.ts';

/** Where RFC 9112 and nginx allow what llhttp does not, and the backend gets none of it. */
function allowed(text: string): boolean {
  return (
    // Methods it has not heard of.
    [...text.matchAll(/(?<=^|\n)([A-Z_-]+) (?:\/|[Hh][Tt][Tt][Pp])/g)].some(([, method]) => !KNOWN_METHODS.has(method!)) ||
    // Trailers that would frame a message, and chunk extensions, end here.
    /\r\n0+\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding|connection|upgrade):/i.test(text) ||
    /\r\n[0-9a-f]+;/i.test(text) ||
    // White space behind the last word of a line.
    /transfer-encoding:[ \t]*chunked[ \t]+\r\n/i.test(text)
  );
}

/** How many requests the backend got whole of a stream that then ends. */
async function reached(subject: SluiceSubject, text: string): Promise<string[]> {
  const before = subject.backend.requests.length;
  const client = await subject.connect();
  client.send(text);
  client.socket.end();
  await client.closed();
  client.close();
  return subject.backend.requests.slice(before).map(({ method, target }) => `${method} ${target}`);
}

/** Tries every case of the table and `mutations` damaged forms of each. Counts the streams, and those llhttp sees nothing in. */
export async function compare(seed: number, mutations: number): Promise<{ streams: number; refused: number }> {
  const subject = await sluiceSubject();
  const random = new Random(seed);
  let streams = 0;
  let refused = 0;
  for (const { bytes } of BASELINE_CASES) {
    if (bytes === undefined) continue;
    for (let i = 0; i <= mutations; i++) {
      const { text } = fresh(i === 0 ? bytes : mutate(bytes, random));
      const { messages, refused: why } = readRequests(Buffer.from(text, 'latin1'));
      const theirs = messages.filter(({ complete }) => complete).map(({ start, target }) => `${start} ${target}`);
      streams++;
      if (theirs.length === 0) refused++;
      const ours = await reached(subject, text);
      if (ours.length > theirs.length && !allowed(text)) expect({ text, ours, why }).toEqual({ text, ours: theirs, why });
    }
  }
  await subject.close();
  return { streams, refused };
}
