/** Splits a stream of bytes into lines, as a watch sends them: one JSON object each, ended by a line feed. */

const LINE_FEED = 0x0a;

interface LineSplitter {
  /** The lines that this chunk completes, without their line feed. Throws a RangeError when a line grows past the bound. */
  readonly push: (chunk: Uint8Array) => string[];
  /** What came after the last line feed: empty unless the stream was cut inside a line. */
  readonly rest: () => string;
}

/** Bytes are decoded a whole line at a time, so a character that is cut by a chunk's end is whole again. `maxLength` is in bytes. */
export function createLineSplitter(maxLength: number): LineSplitter {
  let pieces: Uint8Array[] = [];
  let length = 0;

  const keep = (piece: Uint8Array): void => {
    length += piece.length;
    if (length > maxLength) {
      throw new RangeError(`a line of the watch is longer than ${maxLength} bytes`);
    }
    if (piece.length > 0) {
      pieces.push(piece);
    }
  };
  const take = (): string => {
    const line = Buffer.concat(pieces, length).toString('utf8');
    pieces = [];
    length = 0;
    return line;
  };

  return {
    push: (chunk) => {
      const lines: string[] = [];
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
        keep(chunk.subarray(from, end));
        lines.push(take());
        from = end + 1;
      }
      keep(chunk.subarray(from));
      return lines;
    },
    rest: take,
  };
}
