/** Objects from files, directories and stdin. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatManifestError, parseJsonDocument, parseYamlDocuments } from '../../cluster/embedded/manifests.ts';
import { quote } from '../../model/report.ts';
import type { CheckInput } from './input.ts';

const EXTENSIONS = /\.(?:ya?ml|json)$/u;

/**
 * Reads what the paths name; directories with all below them, where only files of manifests' extensions count. What cannot be
 * read is told in `input.unreadable`. Never rejects.
 */
export async function readManifestsInto(
  input: CheckInput,
  paths: readonly string[],
  namespace: string,
  readStdin: () => Promise<string>,
): Promise<void> {
  for (const path of paths) {
    try {
      if (path === '-') readText(input, await readStdin(), 'stdin', namespace);
      else for (const file of await filesOf(path)) await readOne(input, file, namespace);
    } catch (error) {
      input.unreadable.push(`${printable(path)}: ${reason(error)}`);
    }
  }
}

async function readOne(input: CheckInput, file: string, namespace: string): Promise<void> {
  try {
    readText(input, await readFile(file, 'utf8'), file, namespace);
  } catch (error) {
    input.unreadable.push(`${printable(file)}: ${reason(error)}`);
  }
}

/** JSON is YAML, but reading it as such takes many times as long. */
function readText(input: CheckInput, text: string, file: string, namespace: string): void {
  const json = /^\s*[{[]/u.test(text) ? parseJsonDocument(text, file) : null;
  const { documents, errors } = json !== null && json.errors.length === 0 ? json : parseYamlDocuments(text, file);
  for (const error of errors) input.unreadable.push(printable(formatManifestError(error)));
  for (const { value, line } of documents) input.add(value, namespace, `${file}:${line}`);
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const below = join(path, entry.name);
    if (entry.isDirectory()) files.push(...(await filesOf(below)));
    else if (EXTENSIONS.test(entry.name)) files.push(below);
  }
  return files.sort();
}

function reason(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** Without control characters: a name of a file may be anything. */
function printable(text: string): string {
  return quote(text).slice(1, -1).replaceAll('\\"', '"');
}
