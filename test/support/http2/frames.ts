/** HTTP/2 frames as bytes (RFC 9113 §4, §6), and header blocks of the plainest kind (RFC 7541): literals, not indexed, not compressed. */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 §7. */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

/** RFC 9113 §6.5.2; RFC 8441 §3. */
export const SETTING = {
  tableSize: 1,
  enablePush: 2,
  maxStreams: 3,
  windowSize: 4,
  maxFrameSize: 5,
  maxHeaderList: 6,
  connectProtocol: 8,
} as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export type Field = readonly [name: string, value: string];

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** `length`: what the frame says of itself, where that is a lie. */
export function frame(type: number, flags: number, stream: number, payload = NOTHING, length = payload.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
}

/** An integer behind a prefix of `bits` bits (RFC 7541 §5.1); `first`: what stands before it in the byte. */
export function integer(value: number, bits: number, first = 0): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.from([first | value]);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A header block of literals. Latin-1; nothing is checked. */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0]),
      integer(name.length, 7),
      Buffer.from(name, 'latin1'),
      integer(value.length, 7),
      Buffer.from(value, 'latin1'),
    ]),
  );
}

/** The pseudo-header fields of a GET. */
export function request(path = '/', method = 'GET', authority = 'app.example'): readonly Field[] {
  return [
    [':method', method],
    [':scheme', 'https'],
    [':path', path],
    [':authority', authority],
  ];
}

/** HEADERS with END_HEADERS. */
export function headers(stream: number, fields: readonly Field[], ended = true, flags = 0): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders | (ended ? FLAG.endStream : 0) | flags, stream, block(fields));
}

export function data(stream: number, payload: string | Buffer, ended = false): Buffer {
  return frame(TYPE.data, ended ? FLAG.endStream : 0, stream, Buffer.from(payload as string, 'latin1'));
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value >>> 0, 6 * index + 2);
  });
  return frame(TYPE.settings, 0, 0, payload);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(TYPE.windowUpdate, 0, stream, uint32(increment));
}

export function rstStream(stream: number, code: number): Buffer {
  return frame(TYPE.rstStream, 0, stream, uint32(code));
}

export function ping(text = 'pingpong', flags = 0): Buffer {
  return frame(TYPE.ping, flags, 0, Buffer.from(text, 'latin1'));
}

export function continuation(stream: number, payload: Buffer, ended: boolean): Buffer {
  return frame(TYPE.continuation, ended ? FLAG.endHeaders : 0, stream, payload);
}

/** The weight is one more than what is sent. */
export function priority(stream: number, dependsOn: number): Buffer {
  return frame(TYPE.priority, 0, stream, Buffer.concat([uint32(dependsOn), Buffer.from([15])]));
}

/** Digits in HPACK's Huffman code (RFC 7541 appendix B). */
const DIGITS: ReadonlyMap<string, string> = new Map([
  ['00000', '0'],
  ['00001', '1'],
  ['00010', '2'],
  ['011001', '3'],
  ['011010', '4'],
  ['011011', '5'],
  ['011100', '6'],
  ['011101', '7'],
  ['011110', '8'],
  ['011111', '9'],
]);

const STATUSES = [200, 204, 206, 304, 400, 404, 500];

function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  let code = '';
  for (const bit of bits) {
    code += bit;
    const digit = DIGITS.get(code);
    if (digit === undefined) continue;
    digits += digit;
    code = '';
  }
  return digits;
}

/** The status, which is the first field of every response's block (RFC 9113 §8.3.2). NaN if there is none. */
export function statusOf(headerBlock: Buffer): number {
  let at = 0;
  while ((headerBlock[at]! & 0xe0) === 0x20) at++;
  const first = headerBlock[at]!;
  if (first >= 0x88 && first <= 0x8e) return STATUSES[first - 0x88]!;
  if (![0x08, 0x18, 0x48].includes(first)) return Number.NaN;
  const length = headerBlock[at + 1]!;
  const value = headerBlock.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number(length >= 0x80 ? huffmanDigits(value) : value.toString('latin1'));
}
