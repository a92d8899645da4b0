/** A reader of messages for the chaos tests: simple, strict, and not ours. */

/** One message. */
export interface WireMessage {
  readonly startLine: string;
  /** Lower-case name → value; of several the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Takes messages off a growing text. */
export class Wire {
  #text = '';

  add(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
  }

  /** What is left over. */
  get rest(): string {
    return this.#text;
  }

  /** The head that is next, when it is there. */
  head(): Omit<WireMessage, 'body'> | null {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [startLine = '', ...lines] = this.#text.slice(0, end).split('\r\n');
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon <= 0) throw new Error(`a line without a name: ${JSON.stringify(line)}`);
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    return { startLine, headers };
  }

  /** Takes the next message if it is complete. `bodiless`: has none whatever it says. `toEnd`: without framing, takes everything. */
  take(bodiless: boolean, toEnd: boolean): WireMessage | null {
    const head = this.head();
    if (head === null) return null;
    const start = this.#text.indexOf('\r\n\r\n') + 4;
    const body = bodiless ? { text: '', end: start } : this.#body(head.headers, start, toEnd);
    if (body === null) return null;
    this.#text = this.#text.slice(body.end);
    return { ...head, body: body.text };
  }

  /** The body as far as it is there, of a message that will not become complete. */
  partialBody(): string {
    const head = this.head();
    if (head === null) return '';
    const start = this.#text.indexOf('\r\n\r\n') + 4;
    return head.headers.has('transfer-encoding') ? dechunk(this.#text, start).text : this.#text.slice(start);
  }

  #body(headers: ReadonlyMap<string, string>, start: number, toEnd: boolean): { text: string; end: number } | null {
    if (headers.has('transfer-encoding')) {
      const { text, end } = dechunk(this.#text, start);
      return end < 0 ? null : { text, end };
    }
    const length = headers.get('content-length');
    if (length !== undefined) {
      const end = start + Number(length);
      return this.#text.length < end ? null : { text: this.#text.slice(start, end), end };
    }
    return toEnd ? null : { text: '', end: start };
  }
}

/** `end` is -1 as long as the last chunk is missing. */
function dechunk(text: string, start: number): { text: string; end: number } {
  let at = start;
  let body = '';
  for (;;) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return { text: body, end: -1 };
    const digits = text.slice(at, line);
    if (!/^[0-9a-f]+$/i.test(digits)) throw new Error(`not a chunk size: ${JSON.stringify(digits)}`);
    const size = Number.parseInt(digits, 16);
    at = line + 2;
    if (size === 0) {
      // Trailers, then an empty line.
      for (;;) {
        const end = text.indexOf('\r\n', at);
        if (end < 0) return { text: body, end: -1 };
        if (end === at) return { text: body, end: at + 2 };
        at = end + 2;
      }
    }
    body += text.slice(at, at + size);
    if (text.length < at + size + 2) return { text: body, end: -1 };
    if (text.slice(at + size, at + size + 2) !== '\r\n') throw new Error('a chunk longer than its size');
    at += size + 2;
  }
}
