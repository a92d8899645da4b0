/** The server's side of a WebSocket that sends back what it receives. Source: RFC 6455. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** The value of Sec-WebSocket-Accept for a client's key (RFC 6455 §4.2.2). */
export function websocketAccept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

function header(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, length]);
  if (length <= 0xffff) {
    const out = Buffer.from([first, 126, 0, 0]);
    out.writeUInt16BE(length, 2);
    return out;
  }
  const out = Buffer.alloc(10);
  out[0] = first;
  out[1] = 127;
  out.writeBigUInt64BE(BigInt(length), 2);
  return out;
}

function closeFrame(code: number): Buffer {
  const out = Buffer.from([0x80 | CLOSE, 2, 0, 0]);
  out.writeUInt16BE(code, 2);
  return out;
}

/**
 * Echoes frames on a socket whose handshake is done: each frame goes back with its opcode and its fragmentation as it
 * arrives, so that a message of any size costs no memory. A ping gets its pong, a close its close. What breaks RFC 6455 §5 is
 * answered with a close of code 1002; that text is UTF-8 is not checked.
 */
export class WebSocketEcho {
  readonly #socket: Duplex;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes of the current data frame still to come. */
  #remaining = 0;
  #mask: Buffer = Buffer.alloc(4);
  #maskAt = 0;
  #inMessage = false;
  #closing = false;
  #goAway = false;

  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('end', () => socket.end());
    socket.on('drain', () => socket.resume());
    if (head.length > 0) this.#receive(head);
  }

  /** Tells the client with code 1001 that the server goes away; between two frames at the earliest. */
  goAway(): void {
    if (this.#remaining > 0) this.#goAway = true;
    else if (!this.#closing) this.#socket.write(closeFrame(1001));
  }

  #receive(bytes: Buffer): void {
    let input = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    this.#pending = Buffer.alloc(0);
    while (input.length > 0 && !this.#closing) {
      const used = this.#remaining > 0 ? this.#payload(input) : this.#frame(input);
      if (used === 0) {
        this.#pending = input;
        return;
      }
      input = input.subarray(used);
    }
  }

  /** Sends back a piece of the current frame's payload, unmasked. */
  #payload(input: Buffer): number {
    const length = Math.min(this.#remaining, input.length);
    this.#remaining -= length;
    this.#send(this.#unmask(input.subarray(0, length)));
    if (this.#remaining === 0 && this.#goAway) {
      this.#goAway = false;
      this.goAway();
    }
    return length;
  }

  /** Reads the header of a frame, and all of a control frame. Answers how many bytes it used: 0 when more are needed. */
  #frame(input: Buffer): number {
    if (input.length < 2) return 0;
    const first = input[0] ?? 0;
    const second = input[1] ?? 0;
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    const control = opcode >= 0x8;
    let length = second & 0x7f;
    let at = 2;
    const known = opcode <= 0x2 || (opcode >= CLOSE && opcode <= PONG);
    const fragmentWrong = control ? !final || length > 125 : (opcode === 0) !== this.#inMessage;
    if ((first & 0x70) !== 0 || !known || fragmentWrong || (second & 0x80) === 0) return this.#fail(1002, input);
    if (length === 126) {
      if (input.length < 4) return 0;
      length = input.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (input.length < 10) return 0;
      const long = input.readBigUInt64BE(2);
      if (long > BigInt(Number.MAX_SAFE_INTEGER)) return this.#fail(1009, input);
      length = Number(long);
      at = 10;
    }
    if (input.length < at + 4 + (control ? length : 0)) return 0;
    // A copy: the input's memory may be used again.
    this.#mask = Buffer.from(input.subarray(at, at + 4));
    this.#maskAt = 0;
    at += 4;
    if (control) {
      this.#control(opcode, this.#unmask(input.subarray(at, at + length)));
      return at + length;
    }
    this.#inMessage = !final;
    this.#remaining = length;
    this.#send(header(first, length));
    return at;
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === PING) this.#send(Buffer.concat([header(0x80 | PONG, payload.length), payload]));
    if (opcode !== CLOSE) return;
    this.#closing = true;
    this.#socket.end(Buffer.concat([header(0x80 | CLOSE, payload.length), payload]));
  }

  #fail(code: number, input: Buffer): number {
    this.#closing = true;
    this.#socket.end(closeFrame(code));
    return input.length;
  }

  #unmask(input: Buffer): Buffer {
    const out = Buffer.allocUnsafe(input.length);
    for (let i = 0; i < input.length; i += 1) out[i] = (input[i] ?? 0) ^ (this.#mask[(this.#maskAt + i) & 3] ?? 0);
    this.#maskAt = (this.#maskAt + input.length) & 3;
    return out;
  }

  #send(bytes: Buffer): void {
    if (!this.#socket.write(bytes)) this.#socket.pause();
  }
}
