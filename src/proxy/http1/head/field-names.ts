/**
 * Recognises the few field names a proxy must treat specially, straight from the bytes and without lower-casing: most fields
 * of a message are none of them and cost one look at their length and first letter.
 */

/** A set of names, each with the number it is reported as. */
export class FieldNames {
  /** Candidates by length of the name. */
  readonly #byLength: { readonly lower: Uint8Array; readonly id: number }[][] = [];

  constructor(names: Readonly<Record<string, number>>) {
    for (const [name, id] of Object.entries(names)) {
      const list = (this.#byLength[name.length] ??= []);
      list.push({ lower: Buffer.from(name.toLowerCase(), 'latin1'), id });
    }
    for (let length = 0; length < this.#byLength.length; length++) this.#byLength[length] ??= [];
  }

  /** The number of the name at `bytes[start, end)`, or 0 if it is not in the set. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length >= this.#byLength.length) return 0;
    const candidates = this.#byLength[length]!;
    for (let c = 0; c < candidates.length; c++) {
      const { lower, id } = candidates[c]!;
      // Names hold only letters, digits and "-", all of which are unchanged or lower-cased by setting this bit.
      let i = 0;
      while (i < length && (bytes[start + i]! | 0x20) === lower[i]) i++;
      if (i === length) return id;
    }
    return 0;
  }
}
