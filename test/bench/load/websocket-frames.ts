/** The few bytes of WebSocket that the load needs: whole text messages of less than 126 bytes (RFC 6455, section 5.2). */
import { createHash } from 'node:crypto';

const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const MASK_LENGTH = 4;

/** The value of Sec-WebSocket-Accept for a key (RFC 6455, section 4.2.2). */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A message as a client sends it, with this mask. */
export function clientFrame(message: Buffer, mask: Buffer): Buffer {
  const masked = message.map((byte, at) => byte ^ (mask[at % MASK_LENGTH] ?? 0));
  return Buffer.concat([Buffer.from([FINAL_TEXT, MASKED | message.length]), mask, masked]);
}

/** The same message as a server sends it. */
export function serverFrame(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([FINAL_TEXT, message.length]), message]);
}

/** Bytes of the frame that these begin with; 0 while it is incomplete. Throws for any other frame than those above. */
export function frameLength(bytes: Buffer): number {
  const [kind, size] = bytes;
  if (kind === undefined || size === undefined) return 0;
  const payload = size & 0x7f;
  if (kind !== FINAL_TEXT || payload > 125)
    throw new Error(`not a small text message: ${bytes.subarray(0, 8).toString('hex')}`);
  const length = 2 + (size & MASKED ? MASK_LENGTH : 0) + payload;
  return bytes.length < length ? 0 : length;
}

/** The answer of a server that echoes to a whole frame of a client. */
export function echoFrame(frame: Buffer): Buffer {
  const mask = frame.subarray(2, 2 + MASK_LENGTH);
  return serverFrame(Buffer.from(frame.subarray(2 + MASK_LENGTH).map((byte, at) => byte ^ (mask[at % MASK_LENGTH] ?? 0))));
}
