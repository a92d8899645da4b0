/** Which lines of a head are passed on: runs of neighbouring lines, so that copying them takes a few slices, not one a field. */

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

  /** The lines, each with its CRLF. */
  lines(text: string): string {
    let lines = '';
    for (let i = 0; i < this.#length; i += 2) lines += text.slice(this.#offsets[i], this.#offsets[i + 1]);
    return lines;
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
}
