/** Header fields that a ConfigMap lists, name and value, and how they are set. */
import type { HeaderText } from '../../model/policies.ts';
import type { ConfigMap } from '../../model/objects.ts';
import type { Passage } from '../acting.ts';
import { bytesOf, fieldValue, isChangeable, type FieldChanges } from '../changes.ts';
import { expand, parseTemplate, type Template } from '../variables/template.ts';

/** What is wrong with one item of a ConfigMap. */
export interface HeaderProblem {
  /** The key; it may be anything. */
  readonly name: string;
  readonly problem: string;
}

/** What is read of a ConfigMap: those that can be set, and what is wrong with the others. */
interface HeaderReading {
  readonly headers: readonly HeaderText[];
  readonly problems: readonly HeaderProblem[];
}

/** How a value is read: with variables of nginx, or as it is. */
export type ValueReader = (value: string) => Template | string;

/** As `more_set_headers` and `proxy_set_header` read it. Returns what is wrong with it instead. */
export const withVariables: ValueReader = (value) => {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return 'has a value with control characters';
  const parsed = parseTemplate(value);
  if ('unknown' in parsed) return `has a value with the variable $${parsed.unknown}, which is not known`;
  return parsed.template.map((part) => (typeof part === 'string' ? bytesOf(part) : part));
};

const known = new WeakMap<ConfigMap, Map<ValueReader, HeaderReading>>();

/** Reads the headers of a ConfigMap, sorted by name. One ConfigMap gives one result, which all routes share. */
export function readHeaders(configMap: ConfigMap, readValue: ValueReader): HeaderReading {
  const readings = known.get(configMap) ?? new Map<ValueReader, HeaderReading>();
  known.set(configMap, readings);
  const before = readings.get(readValue);
  if (before !== undefined) return before;
  const headers: HeaderText[] = [];
  const problems: HeaderProblem[] = [];
  // What the API server has not validated may have any shape.
  const data: unknown = configMap.data;
  const entries = typeof data === 'object' && data !== null ? Object.entries(data as Record<string, unknown>) : [];
  for (const [name, value] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const read = readHeader(name, value, readValue);
    if (typeof read === 'string') problems.push({ name, problem: read });
    else headers.push(read);
  }
  const reading = { headers, problems };
  readings.set(readValue, reading);
  return reading;
}

function readHeader(name: string, value: unknown, readValue: ValueReader): HeaderText | string {
  if (!/^[A-Za-z\d\-_]+$/.test(name)) return 'is not the name of a header field';
  if (!isChangeable(name)) return 'belongs to the connection, and cannot be set';
  if (typeof value !== 'string') return 'has a value that is not a text';
  const read = readValue(value);
  return typeof read === 'string' ? read : { name, value: read };
}

/** A function that sets them, with what can be made beforehand made beforehand. */
export function headerSetter(headers: readonly HeaderText[]): (passage: Passage, changes: FieldChanges) => void {
  const texts = headers.map(({ name, value }) => ({ name, value, text: constant(value) }));
  if (texts.every(({ text }) => text !== null)) {
    const names = texts.map(({ name }) => name.toLowerCase());
    const lines = texts.map(({ name, text }) => (text === '' ? '' : `${name}: ${text!}\r\n`)).join('');
    return (_, changes) => changes.replace(names, lines);
  }
  return (passage, changes) => {
    for (const { name, value, text } of texts) changes.set(name, text ?? expand(value, passage));
  };
}

/** Null: it has variables. */
function constant(value: Template): string | null {
  return value.every((part) => typeof part === 'string') ? fieldValue(value.join('')) : null;
}
