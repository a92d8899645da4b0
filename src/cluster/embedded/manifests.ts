/** Manifest files: YAML with one or more documents, or JSON, as `kubectl apply -f` takes them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Tags } from 'yaml';
import { isObject, stringAt } from './api/json.ts';
import type { JsonObject } from './api/json.ts';

/** An object with the place it was read from. */
export interface Manifest {
  readonly object: JsonObject;
  readonly file: string;
  /** The number of the document in its file; the first is 1. */
  readonly document: number;
  /** Where the document begins; the first line is 1. */
  readonly line: number;
}

/** Why a file, or one document of it, cannot be used. */
export interface ManifestError {
  readonly file: string;
  /** Undefined when it is about the whole file. */
  readonly document: number | undefined;
  readonly line: number | undefined;
  readonly message: string;
}

/** What one file holds. */
interface ManifestFile {
  readonly manifests: readonly Manifest[];
  readonly errors: readonly ManifestError[];
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);

/** `FILE:LINE, document N: MESSAGE`, for people. */
export function formatManifestError({ file, document, line, message }: ManifestError): string {
  return `${file}${line === undefined ? '' : `:${line}`}${document === undefined ? '' : `, document ${document}`}: ${message}`;
}

/**
 * YAML as kubectl reads it: 1.1 with its yes and no, but without dates and numbers of base sixty, which Go's parser leaves as text.
 */
function kubernetesTags(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return tag !== 'timestamp' && tag !== 'intTime' && tag !== 'floatTime';
    return tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME');
  });
}

/** One document of a file, whatever it holds. */
export interface ManifestDocument extends Omit<Manifest, 'object'> {
  /** Plain data. */
  readonly value: unknown;
}

/** What a text holds: its documents, and why others cannot be read. */
export interface ManifestDocuments {
  readonly documents: readonly ManifestDocument[];
  readonly errors: readonly ManifestError[];
}

/** Reads YAML with one or more documents. `file` is for the places. Never throws. */
export function parseYamlDocuments(text: string, file: string): ManifestDocuments {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    version: '1.1',
    customTags: kubernetesTags,
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  // Without any document the parser answers an empty list with other properties.
  const all: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const documents: ManifestDocument[] = [];
  const errors: ManifestError[] = [];
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  all.forEach((each, index) => {
    const document = index + 1;
    const line = lineAt(each.contents?.range[0] ?? each.range[0]);
    if (each.errors.length > 0) {
      for (const error of each.errors) errors.push({ file, document, line: lineAt(error.pos[0]), message: error.message });
      return;
    }
    try {
      // Aliases multiply: the parser's bound on their number is kept.
      const value: unknown = each.toJS({ maxAliasCount: 100 });
      documents.push({ value, file, document, line });
    } catch (error) {
      errors.push({ file, document, line, message: error instanceof Error ? error.message : String(error) });
    }
  });
  return { documents, errors };
}

/** Reads JSON, which is one document. `file` is for the places. Never throws. */
export function parseJsonDocument(text: string, file: string): ManifestDocuments {
  if (text.trim() === '') return { documents: [], errors: [] };
  try {
    const before = text.slice(0, text.search(/\S/));
    const value: unknown = JSON.parse(text);
    return { documents: [{ value, file, document: 1, line: before.split('\n').length }], errors: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? text.split('\n').length : text.slice(0, Number(position)).split('\n').length;
    return { documents: [], errors: [{ file, document: 1, line, message }] };
  }
}

/** Adds the object of a document, or the items of a List, or says what it lacks. */
function collect(value: unknown, place: Omit<Manifest, 'object'>, manifests: Manifest[], errors: ManifestError[]): void {
  if (value === null || value === undefined) return;
  const lacks = (message: string): void => {
    errors.push({ ...place, message });
  };
  if (!isObject(value)) {
    lacks(`a Kubernetes object is expected, not ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}`);
    return;
  }
  const kind = stringAt(value, 'kind') ?? '';
  const items = value['items'];
  if (kind.endsWith('List') && Array.isArray(items)) {
    items.forEach((item, index) => {
      const found: ManifestError[] = [];
      collect(item, place, manifests, found);
      for (const error of found) lacks(`items[${index}]: ${error.message}`);
    });
    return;
  }
  if ((stringAt(value, 'apiVersion') ?? '') === '') lacks('apiVersion is missing');
  else if (kind === '') lacks('kind is missing');
  else if ((stringAt(value, 'metadata', 'name') ?? '') === '') {
    const generated = stringAt(value, 'metadata', 'generateName') !== undefined;
    lacks(`${kind}: metadata.name is missing${generated ? '; what has only a generateName cannot be applied' : ''}`);
  } else manifests.push({ ...place, object: value });
}

/** Reads one file. What cannot be read or parsed is an error with its line, never thrown. */
export async function readManifestFile(file: string): Promise<ManifestFile> {
  try {
    const text = await readFile(file, 'utf8');
    const { documents, errors: found } = (extname(file) === '.json' ? parseJsonDocument : parseYamlDocuments)(text, file);
    const manifests: Manifest[] = [];
    const errors = [...found];
    for (const { value, ...place } of documents) collect(value, place, manifests, errors);
    return { manifests, errors };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { manifests: [], errors: [{ file, document: undefined, line: undefined, message }] };
  }
}

/** The files behind a path: itself, or the `.yaml`, `.yml` and `.json` files right in that directory, by name. Rejects when there is none. */
export async function manifestFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path);
  return entries
    .filter((name) => EXTENSIONS.has(extname(name)) && !name.startsWith('.'))
    .sort()
    .map((name) => join(path, name));
}

/** Names an object whatever version of its kind it is written in. */
export function manifestKey(object: JsonObject): string {
  const apiVersion = stringAt(object, 'apiVersion') ?? '';
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const namespace = stringAt(object, 'metadata', 'namespace') ?? 'default';
  return JSON.stringify([group, stringAt(object, 'kind'), namespace, stringAt(object, 'metadata', 'name')]);
}

/** Takes out what is given more than once: the first stays, each later one becomes an error that names the first. */
export function withoutDuplicates(manifests: readonly Manifest[]): ManifestFile {
  const first = new Map<string, Manifest>();
  const errors: ManifestError[] = [];
  for (const manifest of manifests) {
    const key = manifestKey(manifest.object);
    const other = first.get(key);
    if (!other) {
      first.set(key, manifest);
      continue;
    }
    const { file, document, line, object } = manifest;
    const name = `${String(object['kind'])} "${stringAt(object, 'metadata', 'name') ?? ''}"`;
    errors.push({ file, document, line, message: `${name} is already in ${other.file}:${other.line}; that one is used` });
  }
  return { manifests: [...first.values()], errors };
}

/** Reads files and directories. A file of which a part is broken gives nothing but its errors. */
export async function readManifests(paths: readonly string[]): Promise<ManifestFile> {
  const manifests: Manifest[] = [];
  const errors: ManifestError[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    let files: string[] = [];
    try {
      files = await manifestFiles(path);
    } catch (error) {
      errors.push({
        file: path,
        document: undefined,
        line: undefined,
        message: error instanceof Error ? error.message : String(error),
      });
    }
    for (const file of files) {
      if (seen.has(file)) continue;
      seen.add(file);
      const read = await readManifestFile(file);
      errors.push(...read.errors);
      if (read.errors.length === 0) manifests.push(...read.manifests);
    }
  }
  const unique = withoutDuplicates(manifests);
  return { manifests: unique.manifests, errors: [...errors, ...unique.errors] };
}
