import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importsOf, type Packages, readSources, type SourceFile, unusedPackages, violations } from './support/imports.ts';

const ROOT = new URL('..', import.meta.url).pathname;

function packagesOfManifest(): Packages {
  const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return { production: Object.keys(manifest.dependencies) };
}

describe('the source', () => {
  const files = readSources(ROOT);
  const packages = packagesOfManifest();

  it('keeps to the arrows, sizes and packages of the design', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(violations(files, packages)).toEqual([]);
  });

  it('uses every production dependency', () => {
    expect(unusedPackages(files, packages)).toEqual([]);
  });
});

const PACKAGES: Packages = { production: ['@kubernetes/client-node', 'undici'] };

function file(path: string, ...imports: string[]): SourceFile {
  return { path, imports, lines: 100 };
}

/** A small house in order. */
const HOUSE: readonly SourceFile[] = [
  file('src/main.ts', './commands/controller.ts'),
  file('src/commands/controller.ts', '../controller/loop.ts', '../cluster/watch.ts', '../model/table.ts'),
  file('src/controller/loop.ts', '../translate/routes.ts', '../proxy/supervisor.ts', '../cluster/watch.ts'),
  file('src/admin/server.ts', '../observe/metrics.ts'),
  file('src/cluster/watch.ts', '@kubernetes/client-node', 'node:fs', '../settings/settings.ts', './store.ts'),
  file('src/cluster/store.ts', '../model/table.ts'),
  file('src/translate/routes.ts', '../policies/policy.ts'),
  file('src/proxy/supervisor.ts', './worker.ts', 'undici'),
  file('src/proxy/worker.ts', '../policies/policy.ts', '../model/table.ts'),
  file('src/policies/policy.ts', '../model/table.ts'),
  file('src/observe/metrics.ts'),
  file('src/settings/settings.ts'),
  file('src/model/table.ts'),
];

/** The house with one file replaced or added. */
function houseWith(changed: SourceFile): SourceFile[] {
  return [...HOUSE.filter(({ path }) => path !== changed.path), changed];
}

describe('the checker', () => {
  it('finds nothing in a house in order', () => {
    expect(violations(HOUSE, PACKAGES)).toEqual([]);
    expect(unusedPackages(HOUSE, PACKAGES)).toEqual([]);
  });

  it.each([
    ['a wing that imports another', file('src/cluster/store.ts', '../translate/routes.ts'), 'goes from cluster to translate'],
    ['and the other way round', file('src/translate/routes.ts', '../cluster/store.ts'), 'goes from translate to cluster'],
    ['the proxy importing translate', file('src/proxy/worker.ts', '../translate/routes.ts'), 'goes from proxy to translate'],
    ['an arrow that points up', file('src/policies/policy.ts', '../proxy/worker.ts'), 'goes from policies to proxy'],
    [
      'the model importing anything of ours',
      file('src/model/table.ts', '../settings/settings.ts'),
      'goes from model to settings',
    ],
    ['two parts of one floor', file('src/admin/server.ts', '../controller/loop.ts'), 'goes from admin to controller'],
    ['the Kubernetes client elsewhere', file('src/admin/server.ts', '@kubernetes/client-node'), 'is for src/cluster only'],
    ['a subpath of it too', file('src/admin/server.ts', '@kubernetes/client-node/dist/x.js'), 'is for src/cluster only'],
    ['a development dependency', file('src/admin/server.ts', 'vitest/config'), 'is not a production dependency'],
    ['a module of Node without its prefix', file('src/admin/server.ts', 'fs'), 'without "node:"'],
    ['an import without .ts', file('src/cluster/watch.ts', './store'), 'does not end in .ts'],
    ['an import of a file that is not there', file('src/cluster/watch.ts', './gone.ts'), 'names no file'],
    ['an import from outside src', file('src/cluster/watch.ts', '../../test/x.ts'), 'leaves src'],
    ['an import that is computed', file('src/cluster/watch.ts', 'import(…)'), 'is computed'],
    ['a barrel file', file('src/cluster/index.ts'), 'a barrel file'],
    ['a folder outside the design', file('src/util/strings.ts'), 'on no floor'],
    ['a long file', { ...file('src/cluster/store.ts'), lines: 401 }, '401 lines'],
  ])('catches %s', (_, changed, message) => {
    expect(violations(houseWith(changed), PACKAGES).join('\n')).toContain(message);
  });

  it('catches the Kubernetes client behind several imports of a worker', () => {
    const files = [
      ...houseWith(file('src/proxy/worker.ts', '../model/far.ts')),
      file('src/model/far.ts', '@kubernetes/client-node'),
    ];
    expect(violations(files, PACKAGES)).toContain(
      'src/proxy/supervisor.ts > src/proxy/worker.ts > src/model/far.ts: a worker would load @kubernetes/client-node',
    );
  });

  it('catches a folder with too many files', () => {
    const many = Array.from({ length: 15 }, (_, index) => file(`src/translate/x${index}.ts`));
    expect(violations([...HOUSE, ...many], PACKAGES).join('\n')).toContain('src/translate: 16 files');
  });

  it('catches a production dependency that nothing uses', () => {
    expect(unusedPackages(HOUSE, { ...PACKAGES, production: [...PACKAGES.production, 'yaml'] })).toEqual(['yaml']);
  });

  it('reads every way to import', () => {
    const source = [
      "import './a.ts';",
      "import b, { type B } from './b.ts';",
      "import type {\n  C,\n} from './c.ts';",
      "export { d } from './d.ts';",
      "export * from './e.ts';",
      "const f = await import('./f.ts');",
      "type G = import('./g.ts').G;",
      "new Worker(new URL('./h.ts', import.meta.url));",
      "// import './comment.ts';",
      "/** import './docs.ts' */",
      'const text = "import \'./text.ts\'";',
    ].join('\n');
    const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    expect(importsOf(source)).toEqual(letters.map((letter) => `./${letter}.ts`));
    expect(importsOf('await import(name);')).toEqual(['import(…)']);
  });
});
