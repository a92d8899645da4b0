/** What policies change in the heads of a request and its response. */

/**
 * Fields that say where a message ends, or are of one hop: changing them would change what follows, so nobody may (RFC 9110 §7.6.1,
 * RFC 9112 §6). In lower case.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const COLON = 0x3a;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A policy may set or remove the field of this name. */
export function isChangeable(name: string): boolean {
  return TOKEN.test(name) && !FRAMING.has(name.toLowerCase());
}

/** What a field's value must not hold, or it would become a field of its own (RFC 9110 §5.5), nor what is not of one byte. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f\u0100-\uffff]/g;

/** A value as it may be sent: without control characters, trimmed. Characters beyond Latin-1 become their bytes in UTF-8. */
export function fieldValue(text: string): string {
  UNSAFE.lastIndex = 0;
  if (!UNSAFE.test(text)) return trimmed(text);
  // oxlint-disable-next-line no-control-regex
  const bytes = /[\u0100-\uffff]/.test(text) ? bytesOf(text) : text;
  return trimmed(bytes.replace(UNSAFE, ''));
}

/** A text of an object as heads hold it: a character for each byte of its UTF-8. What requests hold is that already. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Without SP and HTAB around it (RFC 9110 §5.6.3). `trim` takes 0xa0 too, which may be the last byte of a character. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhite(text.charCodeAt(start))) start++;
  while (end > start && isWhite(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Fields to set and to remove, in the order they were asked for. Names that are not changeable are left alone. */
export class FieldChanges {
  /** In lower case: what comes under these names from elsewhere is left out. */
  readonly removed: string[] = [];
  /** Lines with CRLF to send. */
  lines = '';
  /** There may be lines whose names are not among the removed. */
  #beside = false;

  /** In place of what comes under this name, or was asked for before; an empty value removes it. */
  set(name: string, value: string): void {
    if (!isChangeable(name)) return;
    this.#forget(name.toLowerCase());
    this.#line(name, value);
  }

  /** Beside what comes under this name. */
  add(name: string, value: string): void {
    if (!isChangeable(name)) return;
    this.#beside = true;
    this.#line(name, value);
  }

  remove(name: string): void {
    this.set(name, '');
  }

  /** As `set`, of lines made beforehand of changeable names; `names`: theirs, in lower case. */
  replace(names: readonly string[], lines: string): void {
    for (const name of names) this.#forget(name);
    this.lines += lines;
  }

  /** Lines in place of those that come under this name, in lower case, beside what was asked for before. */
  rewrite(name: string, lines: string): void {
    if (!this.removed.includes(name)) this.removed.push(name);
    this.lines += lines;
  }

  #forget(lower: string): void {
    const again = this.removed.includes(lower);
    if (this.#beside || again) this.lines = without(this.lines, lower);
    if (!again) this.removed.push(lower);
  }

  #line(name: string, value: string): void {
    const safe = fieldValue(value);
    if (safe !== '') this.lines += `${name}: ${safe}\r\n`;
  }
}

/** Lines with CRLF without those of a name in lower case. */
export function without(lines: string, lower: string): string {
  let kept = '';
  let from = 0;
  for (let at = 0, end = 0; at < lines.length; at = end) {
    end = lines.indexOf('\r\n', at) + 2;
    if (lines.charCodeAt(at + lower.length) !== COLON || lines.slice(at, at + lower.length).toLowerCase() !== lower) continue;
    kept += lines.slice(from, at);
    from = end;
  }
  return from === 0 ? lines : kept + lines.slice(from);
}

/** What the backend gets. Its own fields of Sluice (X-Forwarded-*, X-Real-IP, X-Request-ID) can be set and removed as well. */
export class RequestChanges extends FieldChanges {
  /** Null: the client's. */
  method: string | null = null;
  /** In origin form; null: the client's. */
  target: string | null = null;
  /** The Host field; null: the client's. */
  host: string | null = null;
  /** The request is one of HTTP/1.0, and its connection carries no other. */
  http10 = false;
  /** What Connection says, in place of what an upgrade needs; null: nothing. */
  connection: 'close' | 'keep-alive' | null = null;

  /** More than the target is changed. */
  get ofFields(): boolean {
    return this.method !== null || this.host !== null || this.ofConnection || this.removed.length > 0 || this.lines !== '';
  }

  /** The connection to the backend is used otherwise. */
  get ofConnection(): boolean {
    return this.http10 || this.connection !== null;
  }
}

/** What the client gets, whoever answers: the backend, or Sluice itself. */
export class ResponseChanges extends FieldChanges {
  /** In lower case: what comes from elsewhere under names that begin so is left out. */
  readonly removedBeginnings: string[] = [];
  /** False: it is sent as it is, whatever the ConfigMap says. */
  compressible = true;

  /** Leaves out what comes from elsewhere under this name, in lower case, but not what was set before. */
  hide(lower: string): void {
    if (!this.removed.includes(lower)) this.removed.push(lower);
  }

  /** Leaves out every field whose name begins so, in lower case. */
  removeBeginning(lower: string): void {
    this.removedBeginnings.push(lower);
    this.lines = this.lines
      .split(/(?<=\r\n)/)
      .filter((line) => !line.toLowerCase().startsWith(lower))
      .join('');
  }

  /** What comes from elsewhere under this name is left out. */
  removes(lower: string): boolean {
    return this.removed.includes(lower) || this.removedBeginnings.some((beginning) => lower.startsWith(beginning));
  }
}
