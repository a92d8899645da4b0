import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const run = promisify(execFile);
const ROOT_HERE = process.getuid?.() === 0;

/** One instruction of a Dockerfile, continuation lines joined. */
interface Instruction {
  readonly name: string;
  readonly text: string;
}

function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const line of dockerfile.replaceAll(/\\\n/g, ' ').split('\n')) {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) continue;
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, text });
  }
  return stages;
}

const STAGES = stagesOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const [DEPENDENCIES = [], FINAL = []] = STAGES;

function only(stage: readonly Instruction[], name: string): string {
  const found = stage.filter((instruction) => instruction.name === name);
  expect(found.length, name).toBe(1);
  return found[0]?.text ?? '';
}

/** What `.dockerignore` lets into the build: it ignores everything but a list of names. */
function buildContext(): Set<string> {
  const [first, ...rest] = readFileSync(join(ROOT, '.dockerignore'), 'utf8').trim().split('\n');
  expect(first).toBe('*');
  expect(rest.every((line) => line.startsWith('!'))).toBe(true);
  return new Set(rest.map((line) => line.slice(1)));
}

/** Does what a COPY does, from the build's context or another stage's directory. */
function copy(text: string, context: string, into: string): void {
  const words = text.split(/\s+/);
  const sources = words.slice(0, -1);
  for (const source of sources) {
    const to = words.at(-1) ?? '';
    const target = resolve(into, to, to.endsWith('/') || sources.length > 1 ? basename(source) : '');
    cpSync(resolve(context, source), target, { recursive: true });
  }
}

describe('the Dockerfile, step by step', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  const dependencies = join(scratch, 'dependencies');
  const image = join(scratch, 'image');
  const env = { PATH: process.env['PATH'], HOME: scratch, NODE_ENV: 'production' };

  beforeAll(async () => {
    for (const { name, text } of DEPENDENCIES) {
      if (name === 'COPY') copy(text, ROOT, dependencies);
      if (name === 'RUN') await run('/bin/sh', ['-c', text], { cwd: dependencies, env: { ...process.env, NODE_ENV: '' } });
    }
    for (const { name, text } of FINAL) {
      if (name !== 'COPY') continue;
      const fromStage = /^--from=dependencies \/app\/(.*)$/.exec(text);
      if (fromStage === null) copy(text, ROOT, image);
      else copy(fromStage[1] ?? '', dependencies, image);
    }
    // The user of the image must get there; and who is not root cannot become that user.
    chmodSync(scratch, 0o755);
    const powers = join(scratch, 'powers');
    mkdirSync(powers);
    writeFileSync(join(powers, 'chown'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(powers, 'setpriv'), '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n', {
      mode: 0o755,
    });
    await run('/bin/sh', ['-c', only(FINAL, 'RUN')], {
      cwd: image,
      env: {
        ...env,
        PATH: ROOT_HERE ? env.PATH : `${powers}:${env.PATH}`,
        NODE_COMPILE_CACHE: join(image, '.compile-cache'),
      },
    });
  }, 180_000);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('copies only what .dockerignore lets in', () => {
    const context = buildContext();
    const sources = STAGES.flat()
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    expect(sources.filter((source) => !context.has(source))).toEqual([]);
    expect([...context].filter((name) => !sources.includes(name) || !existsSync(join(ROOT, name)))).toEqual([]);
  });

  it('installs the production dependencies and no others', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
    const installed = (name: string): boolean => existsSync(join(image, 'node_modules', name, 'package.json'));
    expect(Object.keys(manifest['dependencies'] ?? {}).filter((name) => !installed(name))).toEqual([]);
    // Some may come as a dependency of a dependency; these never do.
    expect(['vitest', 'typescript', 'oxlint', 'http-proxy', 'fast-check'].filter(installed)).toEqual([]);
    expect(Object.keys(manifest['optionalDependencies'] ?? {}).filter(installed)).toEqual([]);
    expect(readdirSync(image).sort()).toEqual(['.compile-cache', 'LICENSE', 'build', 'node_modules', 'package.json', 'src']);
  });

  it('starts the controller by its entry point', async () => {
    const [program, ...args] = JSON.parse(only(FINAL, 'ENTRYPOINT')) as string[];
    const command = JSON.parse(only(FINAL, 'CMD')) as string[];
    expect([program, ...args, ...command]).toEqual(['node', 'src/main.ts', 'controller']);
    const { stdout } = await run(process.execPath, [...args, ...command, '--help'], { cwd: image, env });
    expect(stdout).toContain('--ingress-class');
  });

  it('has its modules compiled, and uses what is there', () => {
    expect(FINAL.filter(({ text }) => text === 'NODE_COMPILE_CACHE=/app/.compile-cache').map(({ name }) => name)).toEqual([
      'ENV',
    ]);
    const cache = join(image, '.compile-cache');
    const files = readdirSync(cache, { recursive: true }).map((file) => join(cache, String(file)));
    expect(files.length).toBeGreaterThan(100);
    // Node looks into a directory of its own for each user, and lets only that one read what it writes.
    const user = ROOT_HERE ? only(FINAL, 'USER').split(':')[0] : String(process.getuid?.());
    expect(readdirSync(cache).map((name) => name.split('-').at(-1))).toEqual([user]);
    expect(files.filter((file) => (statSync(file).mode & 0o044) !== 0o044 || (ROOT_HERE && statSync(file).uid !== 0))).toEqual(
      [],
    );
  });

  it('runs as a user that is not root', () => {
    expect(only(FINAL, 'USER')).toBe('65532:65532');
    expect(FINAL.findIndex(({ name }) => name === 'USER')).toBeLessThan(FINAL.findIndex(({ name }) => name === 'ENTRYPOINT'));
  });

  it('has the Node that package.json wants', () => {
    const major = Number(/^node:(\d+)-/.exec(only(FINAL, 'FROM'))?.[1]);
    expect(only(DEPENDENCIES, 'FROM')).toBe(`${only(FINAL, 'FROM')} AS dependencies`);
    expect(major).toBe(Number(process.versions.node.split('.')[0]));
  });
});
