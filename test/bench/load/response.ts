/** Finds the end of a response, for clients of ours that know what to expect. */

/**
 * Bytes of the response that these begin with; 0 while it is incomplete. Throws for a status other than 200, and without
 * Content-Length.
 */
export function responseLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`not the answer to expect: ${head}`);
  const whole = end + 4 + Number(length);
  return bytes.length < whole ? 0 : whole;
}
