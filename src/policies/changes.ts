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
  if (!UNSAFE.test(text)) return text.trim();
  // oxlint-disable-next-line no-control-regex
  const bytes = /[\u0100-\uffff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
  return bytes.replace(UNSAFE, '').trim();
}

/** Fields to set and to remove, in the order they were asked for. Names that are not changeable are left alone. */
class FieldChanges {
  /** In lower case: what comes under these names from elsewhere is left out. */
  readonly removed: string[] = [];
  /** Lines with CRLF to send. */
  lines = '';

  /** In place of what comes under this name; an empty value removes it. */
  set(name: string, value: string): void {
    if (!isChangeable(name)) return;
    const lower = name.toLowerCase();
    if (this.removed.includes(lower)) this.lines = without(this.lines, lower);
    else this.removed.push(lower);
    this.#line(name, value);
  }

  /** Beside what comes under this name. */
  add(name: string, value: string): void {
    if (isChangeable(name)) this.#line(name, value);
  }

  remove(name: string): void {
    this.set(name, '');
  }

  /** Lines made beforehand of changeable names, in place of what comes under `names`, in lower case. */
  replace(names: readonly string[], lines: string): void {
    this.removed.push(...names);
    this.lines += lines;
  }

  #line(name: string, value: string): void {
    const safe = fieldValue(value);
    if (safe !== '') this.lines += `${name}: ${safe}\r\n`;
  }
}

/** Takes the lines of this name out. */
function without(lines: string, lower: string): string {
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() !== lower)
    .join('');
}

/** What the backend gets. Its own fields of Sluice (X-Forwarded-*, X-Real-IP, X-Request-ID) can be set and removed as well. */
export class RequestChanges extends FieldChanges {
  /** Null: the client's. */
  method: string | null = null;
  /** In origin form; null: the client's. */
  target: string | null = null;
  /** The Host field; null: the client's. */
  host: string | null = null;

  /** More than the target is changed. */
  get ofFields(): boolean {
    return this.method !== null || this.host !== null || this.removed.length > 0 || this.lines !== '';
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
