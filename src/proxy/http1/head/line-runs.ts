/** Which lines of a head are passed on: runs of neighbouring lines, so that copying them takes a few slices, not one a field. */
import type { Sink } from '../../outbox.ts';
import { COLON, LF } from './chars.ts';
import { trimOws } from './hop-by-hop.ts';

export class LineRuns {
  /** Start, end, start, end … as offsets into the head's text. Not an array that shrinks and grows: those are slow to clear. */
  #offsets = new Int32Array(32);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** Adds the lines at `[start, end)`; runs come in order. */
  add(start: number, end: number): void {
    if (this.#length === this.#offsets.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[this.#length++] = start;
    this.#offsets[this.#length++] = end;
  }

  /** Sends the lines. `start`: where in `bytes` the head begins. */
  sendTo(sink: Sink, bytes: Buffer, start: number): void {
    for (let i = 0; i < this.#length; i += 2) sink.copy(bytes, start + this.#offsets[i]!, start + this.#offsets[i + 1]!);
  }

  /** Sends the lines of a head that is there as text. */
  sendText(sink: Sink, text: string): void {
    for (let i = 0; i < this.#length; i += 2) sink.text(text.slice(this.#offsets[i], this.#offsets[i + 1]));
  }

  /** The lines of a head that is there as text, each with its name in lower case. */
  linesOf(text: string): (readonly [name: string, line: string])[] {
    const lines: (readonly [string, string])[] = [];
    for (let i = 0; i < this.#length; i += 2) {
      for (let at = this.#offsets[i]!, end = 0; at < this.#offsets[i + 1]!; at = end) {
        end = text.indexOf('\r\n', at) + 2;
        lines.push([text.slice(at, text.indexOf(':', at)).toLowerCase(), text.slice(at, end)]);
      }
    }
    return lines;
  }

  /** There are lines with one of these names. `start`: where in `bytes` the head begins. */
  has(bytes: Buffer, start: number, lowerNames: readonly string[]): boolean {
    let lengths = 0;
    for (const name of lowerNames) lengths |= 1 << (name.length & 31);
    for (let i = 0; i < this.#length; i += 2) {
      let at = start + this.#offsets[i]!;
      const end = start + this.#offsets[i + 1]!;
      while (at < end) {
        let colon = at;
        while (bytes[colon] !== COLON) colon++;
        if (((lengths >>> ((colon - at) & 31)) & 1) === 1 && isOneOf(bytes, at, colon, lowerNames)) return true;
        at = colon + 1;
        while (bytes[at++] !== LF);
      }
    }
    return false;
  }

  /** Takes the lines with these names out. Rare: hardly anybody names fields in Connection. */
  remove(text: string, lowerNames: readonly string[]): void {
    const names = new Set(lowerNames);
    const before = this.#offsets.slice(0, this.#length);
    this.clear();
    for (let i = 0; i < before.length; i += 2) {
      let at = before[i]!;
      while (at < before[i + 1]!) {
        const lineEnd = text.indexOf('\r\n', at) + 2;
        if (!names.has(text.slice(at, text.indexOf(':', at)).toLowerCase())) this.add(at, lineEnd);
        at = lineEnd;
      }
    }
  }

  /** The values of the lines with this name. */
  values(text: string, lowerName: string): readonly string[] {
    const values: string[] = [];
    for (let i = 0; i < this.#length; i += 2) {
      let at = this.#offsets[i]!;
      while (at < this.#offsets[i + 1]!) {
        const lineEnd = text.indexOf('\r\n', at);
        const colon = text.indexOf(':', at);
        if (text.slice(at, colon).toLowerCase() === lowerName) values.push(trimOws(text.slice(colon + 1, lineEnd)));
        at = lineEnd + 2;
      }
    }
    return values;
  }
}

function isOneOf(bytes: Buffer, start: number, end: number, lowerNames: readonly string[]): boolean {
  const name = bytes.toString('latin1', start, end).toLowerCase();
  return lowerNames.includes(name);
}
