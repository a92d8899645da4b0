/** Who imports whom in `src`, and what of it goes against the design's arrows. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';

/** One file of `src`. */
export interface SourceFile {
  /** From the repository's root, with forward slashes: `src/model/table.ts`. */
  readonly path: string;
  readonly lines: number;
  /** The specifiers as they are written: static, dynamic, type-only, re-exports, and `new URL('./x.ts', import.meta.url)`. */
  readonly imports: readonly string[];
}

/** The dependencies that package.json names for production. */
export interface Packages {
  readonly production: readonly string[];
}

/** The floors of the house, lowest first. Parts of one floor do not import each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['model'],
  ['observe', 'settings'],
  ['policies'],
  ['cluster', 'translate', 'proxy'],
  ['controller', 'admin'],
  ['commands'],
  ['main.ts'],
];

const MAX_LINES = 400;
const MAX_FILES = 14;
const KUBERNETES_CLIENT = '@kubernetes/client-node';

const PATTERNS: readonly RegExp[] = [
  /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"],\s*import\.meta\.url/g,
];
/** An `import(` whose argument is not a literal: it could go anywhere. */
const COMPUTED = /\bimport\((?!\s*['"])/;

/** The specifiers in a source text. A computed import is returned as `import(…)`, which no rule allows. */
export function importsOf(source: string): string[] {
  const code = source.replace(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  const found = PATTERNS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
  return COMPUTED.test(code) ? [...found, 'import(…)'] : found;
}

/** Reads every TypeScript file below `root/src`. */
export function readSources(root: string): SourceFile[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => {
      const source = readFileSync(join(root, 'src', name), 'utf8');
      return { path: `src/${name}`, lines: source.split('\n').length - 1, imports: importsOf(source) };
    });
}

function part(path: string): string {
  return path.split('/')[1] ?? '';
}

function floor(path: string): number {
  return FLOORS.findIndex((parts) => parts.includes(part(path)));
}

/** `@scope/name/file` and `name/file` are of the package `@scope/name` and `name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function target(file: SourceFile, specifier: string): string {
  return posix.normalize(posix.join(dirname(file.path), specifier));
}

function relativeProblem(file: SourceFile, specifier: string, known: ReadonlySet<string>): string | undefined {
  const path = target(file, specifier);
  if (!path.startsWith('src/')) return 'leaves src';
  if (!specifier.endsWith('.ts')) return 'does not end in .ts';
  if (!known.has(path)) return 'names no file';
  if (part(path) === part(file.path)) return undefined;
  const [from, to] = [floor(file.path), floor(path)];
  if (to < 0) return `goes to ${part(path)}, which is on no floor of the design`;
  if (from >= 0 && to >= from) return `goes from ${part(file.path)} to ${part(path)}, which is not below it`;
  return undefined;
}

function packageProblem(file: SourceFile, specifier: string, packages: Packages): string | undefined {
  if (specifier === 'import(…)') return 'is computed, so that nothing can check it';
  if (specifier.startsWith('node:')) return undefined;
  if (builtinModules.includes(specifier)) return 'is a module of Node without "node:"';
  const name = packageOf(specifier);
  if (!packages.production.includes(name)) return 'is not a production dependency';
  if (name === KUBERNETES_CLIENT && part(file.path) !== 'cluster') return 'is for src/cluster only';
  return undefined;
}

/** The files that loading `start` loads, itself included, with the file each was reached from. */
function reached(start: SourceFile, byPath: ReadonlyMap<string, SourceFile>): Map<SourceFile, SourceFile | undefined> {
  const found = new Map<SourceFile, SourceFile | undefined>([[start, undefined]]);
  for (const file of found.keys()) {
    for (const specifier of file.imports) {
      const next = specifier.startsWith('.') ? byPath.get(target(file, specifier)) : undefined;
      if (next !== undefined && !found.has(next)) found.set(next, file);
    }
  }
  return found;
}

function chain(file: SourceFile, from: ReadonlyMap<SourceFile, SourceFile | undefined>): string {
  const before = from.get(file);
  return before === undefined ? file.path : `${chain(before, from)} > ${file.path}`;
}

function* workerProblems(files: readonly SourceFile[], byPath: ReadonlyMap<string, SourceFile>): Generator<string> {
  for (const start of files.filter((file) => part(file.path) === 'proxy')) {
    const from = reached(start, byPath);
    for (const file of from.keys()) {
      if (!file.imports.some((specifier) => packageOf(specifier) === KUBERNETES_CLIENT)) continue;
      yield `${chain(file, from)}: a worker would load ${KUBERNETES_CLIENT}`;
    }
  }
}

function* sizeProblems(files: readonly SourceFile[]): Generator<string> {
  const folders = Map.groupBy(files, (file) => dirname(file.path));
  for (const [folder, members] of folders) {
    if (members.length > MAX_FILES) yield `${folder}: ${members.length} files, more than ${MAX_FILES}`;
  }
  for (const file of files) {
    if (file.lines > MAX_LINES) yield `${file.path}: ${file.lines} lines, more than ${MAX_LINES}`;
    if (posix.basename(file.path) === 'index.ts') yield `${file.path}: a barrel file`;
    if (floor(file.path) < 0) yield `${file.path}: on no floor of the design`;
  }
}

/** Everything in these files that the design forbids, one sentence each. */
export function violations(files: readonly SourceFile[], packages: Packages): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const known = new Set(byPath.keys());
  const imports = files.flatMap((file) =>
    file.imports.flatMap((specifier) => {
      const problem = specifier.startsWith('.')
        ? relativeProblem(file, specifier, known)
        : packageProblem(file, specifier, packages);
      return problem === undefined ? [] : [`${file.path}: the import of ${specifier} ${problem}`];
    }),
  );
  return [...imports, ...workerProblems(files, byPath), ...sizeProblems(files)];
}

/** The production dependencies that no file imports. */
export function unusedPackages(files: readonly SourceFile[], packages: Packages): string[] {
  const used = new Set(files.flatMap((file) => file.imports.map(packageOf)));
  return packages.production.filter((name) => !used.has(name));
}
