/** What a parser saw in a stream. */

/** A field: its name in lower case, its value without white space around it. */
export type Field = readonly [name: string, value: string];

export interface Message {
  /** The method or the status. */
  readonly start: string;
  readonly target: string;
  /** The minor version, where a parser tells it. */
  readonly minor?: number;
  readonly fields: readonly Field[];
  body: string;
  complete: boolean;
  trailers: readonly Field[];
  /** The connection may carry another message after this one. */
  keepAlive: boolean;
}

export interface Reading<M extends Message = Message> {
  /** Of a response stream: the interim responses, and at the end the final one. */
  readonly messages: readonly M[];
  /** The parser refused what followed the last complete message; why. */
  readonly refused: string;
}

/** The value without optional white space around it. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}

/** The fields of lines that each end with CRLF. */
export function fieldsOf(lines: string): Field[] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), trimmed(line.slice(colon + 1))];
    });
}

/** The fields of names and values in turn. */
export function fieldsOfPairs(pairs: readonly (string | Buffer)[]): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    fields.push([pairs[i]!.toString('latin1').toLowerCase(), trimmed(pairs[i + 1]!.toString('latin1'))]);
  }
  return fields;
}
