/**
 * Objects in Kubernetes' Protobuf encoding, in which kubectl's typed clients send what they create
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding, https://protobuf.dev/programming-guides/encoding/).
 */
import type { JsonObject } from '../api/json.ts';
import { setKey } from '../api/json.ts';
import { MESSAGES } from './messages.ts';
import { Reader } from './reader.ts';
import type { Field } from './reader.ts';

interface FieldDescriptor {
  /** `...` for a message whose fields are its parent's. */
  readonly name: string;
  readonly type: string;
  readonly repeated: 'no' | 'list' | 'map';
  /** Its zero value counts. */
  readonly optional: boolean;
}

type Descriptor = ReadonlyMap<number, FieldDescriptor>;

let descriptors: ReadonlyMap<string, Descriptor> | undefined;

/** The messages by their names, without what all names begin with: `core.v1.Pod`. */
function messages(): ReadonlyMap<string, Descriptor> {
  descriptors ??= new Map(
    MESSAGES.trim()
      .split('\n')
      .map((line): [string, Descriptor] => {
        const colon = line.indexOf(': ');
        const fields = line
          .slice(colon + 2)
          .split(', ')
          .filter((text) => text !== '');
        return [line.slice(0, colon).replace(/:$/, ''), new Map(fields.map(parseField))];
      }),
  );
  return descriptors;
}

function parseField(text: string): [number, FieldDescriptor] {
  const [number = '', name = '', typeText = ''] = text.split(' ');
  const repeated = typeText.startsWith('map:') ? 'map' : typeText.endsWith('[]') ? 'list' : 'no';
  const type = typeText.replace(/^map:/, '').replace(/\[\]$/, '').replace(/\?$/, '');
  return [Number(number), { name, type, repeated, optional: typeText.includes('?') }];
}

const MAGIC = Buffer.from('k8s\0');

/** Decodes a request body. Throws an Error that says what is wrong with it; undefined for a kind that has no Protobuf form here. */
export function decodeProtobuf(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw new Error("the body does not begin with the prefix of Kubernetes' Protobuf encoding");
  let apiVersion = '';
  let kind = '';
  let raw: Buffer = Buffer.alloc(0);
  for (const field of new Reader(body.subarray(4)).fields()) {
    if (field.number === 1) {
      for (const part of new Reader(field.bytes).fields()) {
        if (part.number === 1) apiVersion = part.bytes.toString('utf8');
        else if (part.number === 2) kind = part.bytes.toString('utf8');
      }
    } else if (field.number === 2) raw = field.bytes;
  }
  const name = messageName(apiVersion, kind);
  if (name === undefined) return undefined;
  return { apiVersion, kind, ...decodeMessage(raw, name) };
}

function messageName(apiVersion: string, kind: string): string | undefined {
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions';
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? 'core' : (apiVersion.slice(0, slash).split('.')[0] ?? '');
  const name = `${group}.${apiVersion.slice(slash + 1)}.${kind}`;
  return messages().has(name) ? name : undefined;
}

function decodeMessage(bytes: Buffer, name: string): JsonObject {
  const descriptor = messages().get(name);
  if (descriptor === undefined) throw new Error(`the message ${name} is not known`);
  const result: JsonObject = {};
  for (const field of new Reader(bytes).fields()) {
    const known = descriptor.get(field.number);
    if (known === undefined) continue;
    if (known.name === '...') Object.assign(result, decodeMessage(field.bytes, known.type));
    else if (known.repeated === 'map') addEntry(result, known, field.bytes);
    else if (known.repeated === 'list') addItems(result, known, field);
    else {
      const value = decodeValue(field, known.type);
      if (known.optional ? value !== undefined : !isZero(value)) setKey(result, known.name, value);
    }
  }
  return result;
}

/** What Go writes for a field that was never set. */
function isZero(value: unknown): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function addEntry(result: JsonObject, field: FieldDescriptor, bytes: Buffer): void {
  const existing = result[field.name];
  const map: JsonObject = existing === undefined ? {} : (existing as JsonObject);
  let key = '';
  let value: unknown;
  for (const part of new Reader(bytes).fields()) {
    if (part.number === 1) key = part.bytes.toString('utf8');
    else if (part.number === 2) value = decodeValue(part, field.type);
  }
  setKey(map, key, value ?? (field.type === 'string' || field.type === 'bytes' ? '' : {}));
  result[field.name] = map;
}

function addItems(result: JsonObject, field: FieldDescriptor, part: Field): void {
  const existing = result[field.name];
  const list: unknown[] = Array.isArray(existing) ? existing : [];
  const packed = part.wire === 2 && ['int32', 'int64', 'bool'].includes(field.type);
  if (packed) {
    for (const value of new Reader(part.bytes).varints()) list.push(scalar(value, field.type));
  } else list.push(decodeValue(part, field.type));
  result[field.name] = list;
}

function scalar(value: bigint, type: string): number | boolean {
  return type === 'bool' ? value !== 0n : Number(BigInt.asIntN(64, value));
}

function decodeValue(field: Field, type: string): unknown {
  switch (type) {
    case 'string':
      return field.bytes.toString('utf8');
    case 'bytes':
      return field.bytes.toString('base64');
    case 'int32':
    case 'int64':
    case 'bool':
      return scalar(field.varint, type);
    case 'double':
      return field.bytes.length === 8 ? field.bytes.readDoubleLE(0) : 0;
    case 'time':
    case 'microTime':
      return decodeTime(field.bytes, type === 'microTime');
    case 'quantity':
      return decodeParts(field.bytes).get(1)?.bytes.toString('utf8') ?? '0';
    case 'intOrString': {
      const parts = decodeParts(field.bytes);
      if (parts.get(1)?.varint === 1n) return parts.get(3)?.bytes.toString('utf8') ?? '';
      return Number(BigInt.asIntN(32, parts.get(2)?.varint ?? 0n));
    }
    case 'raw': {
      const text = decodeParts(field.bytes).get(1)?.bytes.toString('utf8') ?? '';
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    }
    default: {
      const message = decodeMessage(field.bytes, type);
      // A named list of strings is a message in Protobuf, and just the list in JSON.
      return type.endsWith('.ExtraValue') ? (message['items'] ?? []) : message;
    }
  }
}

function decodeParts(bytes: Buffer): Map<number, Field> {
  return new Map([...new Reader(bytes).fields()].map((field) => [field.number, field]));
}

function decodeTime(bytes: Buffer, micro: boolean): string | undefined {
  const parts = decodeParts(bytes);
  const seconds = parts.get(1)?.varint;
  if (seconds === undefined) return undefined;
  const text = new Date(Number(BigInt.asIntN(64, seconds)) * 1000).toISOString().slice(0, 19);
  const nanos = Number(parts.get(2)?.varint ?? 0n);
  return micro ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}
