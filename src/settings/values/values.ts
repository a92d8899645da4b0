/**
 * The grammars of setting values: Go's for flags (strconv and time, as pflag reads them), nginx's for sizes and times in the
 * ConfigMap. A reader returns undefined for a text it does not understand; the caller names the flag or key.
 */
import { isIP } from 'node:net';

/** How one kind of value is written. `T` is what it becomes in the settings: milliseconds, bytes, plain data. */
export interface ValueType<T> {
  /** One word for `--help`, for example `duration`. */
  readonly word: string;
  /** Ends the sentence "expected …" of an error. */
  readonly expected: string;
  readonly parse: (text: string) => T | undefined;
  /** The text that `parse` reads back as `value`. */
  readonly format: (value: T) => string;
}

/** The namespace and name of an object. */
interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

const GO_BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

/** Go's strconv.ParseBool. */
export function parseGoBool(text: string): boolean | undefined {
  return GO_BOOLS.get(text);
}

/** Go's strconv.ParseInt with base 0: decimal, `0x`, `0o`, `0b`, and octal with a leading zero. Only safe integers. */
export function parseGoInt(text: string): number | undefined {
  const parts = /^([+-]?)(?:(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, prefixed, octal, decimal] = parts;
  const size = Number(prefixed ?? (octal === undefined ? decimal : `0o${octal}`));
  if (!Number.isSafeInteger(size)) return undefined;
  return sign === '-' && size !== 0 ? -size : size;
}

const GO_UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Go's time.ParseDuration, without a sign, in milliseconds: `10s`, `1m30s`, `300ms`, `1.5h`, `0`. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (GO_UNITS.get(unit ?? '') ?? Number.NaN);
  }
  return Number.isSafeInteger(Math.round(total)) ? total : undefined;
}

const NGINX_TIMES: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
  ['M', 2_592_000_000],
  ['y', 31_536_000_000],
]);

/** nginx's time, in milliseconds: `240s`, `1h 30m`, and seconds for a bare number (nginx.org, "Configuration file measurement units"). */
export function parseNginxTime(text: string): number | undefined {
  if (!/^\d+(?:ms|[smhdwMy])?(?: *\d+(?:ms|[smhdwMy])?)*$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdwMy])?/g)) {
    total += Number(amount) * (NGINX_TIMES.get(unit ?? 's') ?? Number.NaN);
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

const NGINX_SIZES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
]);

/** nginx's size, in bytes: `8192`, `8k`, `1m`, `1g`, in either case. */
export function parseNginxSize(text: string): number | undefined {
  const parts = /^(\d+)([kmg]?)$/i.exec(text);
  if (parts === null) return undefined;
  const size = Number(parts[1]) * (NGINX_SIZES.get((parts[2] ?? '').toLowerCase()) ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : undefined;
}

const DNS_LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const DNS_NAME = new RegExp(`^(?=.{1,253}$)${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);

/** An RFC 1123 subdomain, as Kubernetes wants the names of objects. */
export function isDnsName(text: string): boolean {
  return DNS_NAME.test(text);
}

function parseNamespacedName(text: string): NamespacedName | null | undefined {
  if (text === '') return null;
  const [namespace, name, ...rest] = text.split('/');
  if (namespace === undefined || name === undefined || rest.length > 0) return undefined;
  return isDnsName(namespace) && isDnsName(name) ? { namespace, name } : undefined;
}

function seconds(milliseconds: number): string {
  return String(milliseconds / 1000);
}

/** Milliseconds in Go's way of writing a duration. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds % 1000 !== 0) return `${milliseconds}ms`;
  const total = milliseconds / 1000;
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return `${h > 0 ? `${h}h` : ''}${m > 0 ? `${m}m` : ''}${s > 0 || total === 0 ? `${s}s` : ''}`;
}

function formatSize(bytes: number): string {
  if (bytes > 0 && bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}m`;
  return bytes > 0 && bytes % 1024 === 0 ? `${bytes / 1024}k` : String(bytes);
}

/** A boolean in Go's spelling. */
export const BOOLEAN: ValueType<boolean> = {
  word: 'bool',
  expected: 'true or false',
  parse: parseGoBool,
  format: String,
};

/** Any text, which `accepts` may narrow. */
export function text(word: string, expected: string, accepts: (text: string) => boolean = () => true): ValueType<string> {
  return { word, expected, parse: (value) => (accepts(value) ? value : undefined), format: (value) => value };
}

/** As `text`, but the empty text is null. */
export function optionalText(word: string, expected: string, accepts?: (text: string) => boolean): ValueType<string | null> {
  const some = text(word, expected, accepts);
  return { ...some, parse: (value) => (value === '' ? null : some.parse(value)), format: (value) => value ?? '' };
}

/** A name of DNS form, for example of an IngressClass. */
export const DNS: ValueType<string> = text('name', 'a DNS name of lower-case letters, digits, "-" and "."', isDnsName);

/** `namespace/name`; empty: null. */
export const NAMESPACED_NAME: ValueType<NamespacedName | null> = {
  word: 'namespace/name',
  expected: '"namespace/name"',
  parse: parseNamespacedName,
  format: (value) => (value === null ? '' : `${value.namespace}/${value.name}`),
};

/** An integer from `min` to `max`. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  const inRange = (value: number | undefined): boolean => value !== undefined && value >= min && value <= max;
  const parse = (text: string): number | undefined => {
    const value = parseGoInt(text);
    return inRange(value) ? value : undefined;
  };
  return { word: 'int', expected: `an integer ${range}`, parse, format: String };
}

/** A TCP port to listen on. */
export const PORT: ValueType<number> = {
  ...integer(0, 65_535),
  word: 'port',
  expected: 'a port from 0 (any free one) to 65535',
};

// Beyond this, setTimeout() fires at once.
const MAX_TIMEOUT = 2 ** 31 - 1;

function inTimerRange(milliseconds: number | undefined): number | undefined {
  return milliseconds !== undefined && milliseconds <= MAX_TIMEOUT ? milliseconds : undefined;
}

/** Go's duration. At most 24 days, as a timer can hold. */
export const DURATION: ValueType<number> = {
  word: 'duration',
  expected: 'a duration of at most 24 days such as 10s, 1m30s or 300ms',
  parse: (value) => inTimerRange(parseGoDuration(value)),
  format: formatDuration,
};

/** Whole seconds, as ingress-nginx has most of its times. At most 24 days. */
export const SECONDS: ValueType<number> = {
  word: 'seconds',
  expected: 'a whole number of seconds from 0 to 2147483',
  parse: (value) => {
    const count = parseGoInt(value);
    return count === undefined || count < 0 ? undefined : inTimerRange(count * 1000);
  },
  format: seconds,
};

/** The values of a type that are not below `min`, which `expected` writes as the user would. */
export function atLeast(type: ValueType<number>, min: number, expected: string): ValueType<number> {
  const parse = (value: string): number | undefined => {
    const parsed = type.parse(value);
    return parsed !== undefined && parsed >= min ? parsed : undefined;
  };
  return { ...type, expected, parse };
}

/** Whole seconds where none at all would let nothing through. At most 24 days. */
export const POSITIVE_SECONDS = atLeast(SECONDS, 1000, 'a whole number of seconds from 1 to 2147483');

/** Whole seconds, as ingress-nginx's flags have them, or Go's duration. */
export const SECONDS_OR_DURATION: ValueType<number> = {
  word: 'seconds',
  expected: 'a whole number of seconds, or a duration such as 1m30s, of at most 24 days',
  parse: (value) => SECONDS.parse(value) ?? DURATION.parse(value),
  format: seconds,
};

/** nginx's time. At most 24 days, as a timer can hold. */
export const NGINX_TIME: ValueType<number> = {
  word: 'time',
  expected: 'a time of at most 24 days such as 240s, 1h or 1h30m',
  parse: (value) => inTimerRange(parseNginxTime(value)),
  format: formatDuration,
};

/** nginx's size. */
export const NGINX_SIZE: ValueType<number> = {
  word: 'size',
  expected: 'a size such as 8192, 8k, 1m or 1g',
  parse: parseNginxSize,
  format: formatSize,
};

/** Texts between commas, trimmed; the empty text is the empty list. */
export function list(word: string, expected: string, accepts: (item: string) => boolean): ValueType<readonly string[]> {
  const parse = (value: string): readonly string[] | undefined => {
    const items = value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items.every((item) => accepts(item)) ? items : undefined;
  };
  return { word, expected, parse, format: (items) => items.join(',') };
}

/** Two values of a type between a comma, the second not below the first; `off`: null. */
export function rising(
  type: ValueType<number>,
  expected: string,
): ValueType<{ readonly closing: number; readonly refusing: number } | null> {
  const parse = (value: string): { closing: number; refusing: number } | null | undefined => {
    if (value === 'off') return null;
    const [closing, refusing, ...rest] = value.split(',').map((part) => type.parse(part.trim()));
    if (closing === undefined || refusing === undefined || rest.length > 0 || refusing < closing) return undefined;
    return { closing, refusing };
  };
  const format = (value: { readonly closing: number; readonly refusing: number } | null): string =>
    value === null ? 'off' : `${type.format(value.closing)},${type.format(value.refusing)}`;
  return { word: 'two values', expected, parse, format };
}

/** Percent of something; becomes a part of 1. */
export const PERCENT: ValueType<number> = {
  word: 'percent',
  expected: 'a percentage from 1 to 100',
  parse: (value) => {
    const percent = integer(1, 100).parse(value.replace(/%$/, ''));
    return percent === undefined ? undefined : percent / 100;
  },
  format: (value) => `${Math.round(value * 100)}%`,
};

/** One of several words. */
export function oneOf<T extends string>(...choices: readonly T[]): ValueType<T> {
  return {
    word: choices.join('|'),
    expected: choices.map((choice) => `"${choice}"`).join(' or '),
    parse: (value) => choices.find((choice) => choice === value),
    format: (value) => value,
  };
}

/** An IP address to bind. */
export const IP_ADDRESS: ValueType<string> = text('address', 'an IP address', (value) => isIP(value) !== 0);

/** An IP address, or a range of them in CIDR notation. */
export function isCidr(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}
