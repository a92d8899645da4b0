/** The wire format of Protobuf (https://protobuf.dev/programming-guides/encoding/). */

/** One field as it is on the wire. `varint` is set for wire type 0, `bytes` for the others; the other one is empty. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  readonly varint: bigint;
  readonly bytes: Buffer;
}

const NOTHING = Buffer.alloc(0);

export class Reader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** All fields in their order. Throws an Error for bytes that are no message. */
  *fields(): Generator<Field> {
    while (this.#position < this.#bytes.length) {
      const tag = Number(this.#varint());
      const number = tag >>> 3;
      const wire = tag & 7;
      if (wire === 0) yield { number, wire, varint: this.#varint(), bytes: NOTHING };
      else yield { number, wire, varint: 0n, bytes: this.#take(this.#lengthOf(wire)) };
    }
  }

  /** The numbers of a packed list. */
  *varints(): Generator<bigint> {
    while (this.#position < this.#bytes.length) yield this.#varint();
  }

  #lengthOf(wire: number): number {
    switch (wire) {
      case 1:
        return 8;
      case 2:
        return Number(this.#varint());
      case 5:
        return 4;
      default:
        throw new Error(`protobuf: wire type ${wire} is not known`);
    }
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw new Error('protobuf: unexpected end of the message');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error('protobuf: a number is too long');
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw new Error('protobuf: unexpected end of the message');
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }
}
