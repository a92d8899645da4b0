/** What a parser saw in a stream. */

export interface Message {
  /** The method or the status. */
  readonly start: string;
  readonly target: string;
  /** Names in lower case, values without white space around them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  body: string;
  complete: boolean;
  /** The lines of the trailer section. */
  trailers: string;
}

export interface Reading<M extends Message = Message> {
  readonly messages: readonly M[];
  /** The parser refused what followed the last complete message; why. */
  readonly refused: string;
}

/** The value without optional white space around it. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}
