/** Character classes of HTTP/1.1 messages, as tables indexed by byte. Sources: RFC 9110 §5.5 and §5.6.2, RFC 3986 §3. */

/** Classes of a byte in a field name. 0: not a tchar at all, the message is malformed. */
const NAME_PLAIN = 1;
/** An underscore: the field is dropped unless `enable-underscores-in-headers` is set, as nginx does. */
export const NAME_UNDERSCORE = 2;
/** A tchar that nginx calls invalid in a field name (`ignore-invalid-headers`): the field is dropped. */
export const NAME_ODD = 4;

/** Byte → NAME_* class. */
export const NAME_CLASS: Uint8Array = table((byte) => {
  const char = String.fromCharCode(byte);
  if (/[A-Za-z0-9-]/.test(char)) return NAME_PLAIN;
  if (char === '_') return NAME_UNDERSCORE;
  return /[!#$%&'*+.^`|~]/.test(char) ? NAME_ODD : 0;
});

/** Byte → 1 where it may stand in a field value: HTAB, SP, visible ASCII and obs-text. */
export const VALUE_CHAR: Uint8Array = table((byte) => (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0));

/**
 * Byte → 1 where it may stand in a request target. Wider than RFC 3986 by what browsers send unescaped (`"<>[]^`{|}`); a
 * fragment, a backslash, controls and bytes above 0x7e are refused.
 */
export const TARGET_CHAR: Uint8Array = table((byte) => (byte > 0x20 && byte < 0x7f && byte !== 0x23 && byte !== 0x5c ? 1 : 0));

/** Byte → 1 where it may stand in a method: what nginx takes. */
export const METHOD_CHAR: Uint8Array = table((byte) =>
  (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f || byte === 0x2d ? 1 : 0,
);

/** Byte → value of the hexadecimal digit, or 255. */
export const HEX_VALUE: Uint8Array = table((byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const HTAB = 0x09;
export const COLON = 0x3a;
export const SLASH = 0x2f;

function table(classOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte));
}

/**
 * Four bytes at once, in any order: true if none of them is a control character, so that all are `VALUE_CHAR`. A tab gives false too. Each
 * term has the top bit of a byte set where that byte is below 0x20, or is 0x7f (the subtraction borrows only past such a byte).
 */
export function isPlain(word: number): boolean {
  const del = word ^ 0x7f7f7f7f;
  return ((((word - 0x20202020) & ~word) | ((del - 0x01010101) & ~del)) & -0x7f7f7f80) === 0;
}
