/** What stands at the ends of a request line: the method, and the version. */

/** The common methods, so that a request does not need a string of its own for them. */
const COMMON: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'PATCH',
  'OPTIONS',
].map((name) => ({ name, bytes: Buffer.from(name, 'latin1') }));

/** The method at `bytes[start, end)`. Methods are case-sensitive (RFC 9110 §9.1). */
export function methodName(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  for (let m = 0; m < COMMON.length; m++) {
    const common = COMMON[m]!;
    if (common.bytes.length !== length) continue;
    let i = 0;
    while (i < length && bytes[start + i] === common.bytes[i]) i++;
    if (i === length) return common.name;
  }
  return bytes.toString('latin1', start, end);
}

/** Is what follows the target the beginning of " HTTP/1.x\r\n"? Garbage is refused at once, not when the timeout comes. */
export function maybeVersion(bytes: Buffer, at: number, last: number): boolean {
  const expected = ' HTTP/';
  for (let i = 0; i < expected.length && at + i < last; i++) if (bytes[at + i] !== expected.charCodeAt(i)) return false;
  return true;
}
