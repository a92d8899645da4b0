import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatManifestError, readManifests } from '../../../src/cluster/embedded/manifests.ts';

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifests-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const CONFIG = 'apiVersion: v1\nkind: ConfigMap\n';

describe('manifest files', () => {
  it('give the objects of every document, with file, number and line', async () => {
    const path = await file('a.yaml', `# first\n${CONFIG}metadata: {name: a}\n---\n---\n${CONFIG}metadata: {name: b}\n`);
    const { manifests, errors } = await readManifests([path]);
    expect(errors).toEqual([]);
    expect(manifests).toEqual([
      { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, file: path, document: 1, line: 2 },
      { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } }, file: path, document: 3, line: 7 },
    ]);
  });

  it('are the YAML and JSON files of a directory, by name, without those of its directories', async () => {
    await file('2.json', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"two"}}');
    await file('1.yml', `${CONFIG}metadata: {name: one}`);
    await file('notes.txt', 'not: [a manifest');
    await file('empty.yaml', '# nothing\n');
    const { manifests, errors } = await readManifests([directory]);
    expect(errors).toEqual([]);
    expect(manifests.map(({ object }) => object['metadata'])).toEqual([{ name: 'one' }, { name: 'two' }]);
  });

  it('may hold a List', async () => {
    const path = await file(
      'list.yaml',
      `kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- {kind: Secret}\n`,
    );
    const { errors } = await readManifests([path]);
    expect(errors.map(({ message }) => message)).toEqual(['items[1]: apiVersion is missing']);
    await file('list.yaml', `kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n`);
    expect((await readManifests([path])).manifests.map(({ object }) => object['kind'])).toEqual(['Secret']);
  });

  it('are read as Go reads YAML: yes is true, a date and a time are text, 0644 is octal', async () => {
    const path = await file('a.yaml', `${CONFIG}metadata: {name: a}\nvalues: [yes, 2026-01-01, 22:30, 0644, "1"]\n`);
    const { manifests } = await readManifests([path]);
    expect(manifests[0]?.object['values']).toEqual([true, '2026-01-01', '22:30', 420, '1']);
  });

  it.each([
    ['a.yaml', `${CONFIG}metadata: {name: a}\n---\nkind: [\n`, /a\.yaml:6, document 2: /],
    ['a.yaml', `${CONFIG}metadata: {name: a}\n---\n\nkind: Secret\n`, /a\.yaml:6, document 2: apiVersion is missing$/],
    [
      'a.yaml',
      `${CONFIG}metadata: {generateName: a-}\n`,
      /a\.yaml:1, document 1: ConfigMap: metadata\.name is missing; what has only a generateName/,
    ],
    ['a.yaml', 'just text', /a\.yaml:1, document 1: a Kubernetes object is expected, not "just text"$/],
    ['a.yaml', `${CONFIG}kind: Secret\nmetadata: {name: a}\n`, /a\.yaml:3, document 1: Map keys must be unique/],
    ['a.json', '{\n"apiVersion": "v1",\n"kind": }', /a\.json:3, document 1: /],
  ])('say where they are broken and then give nothing (%#)', async (name, text, expected) => {
    const path = await file(name, text);
    const { manifests, errors } = await readManifests([path]);
    expect(manifests).toEqual([]);
    expect(errors.map(formatManifestError)[0]).toMatch(expected);
  });

  it('that do not exist are an error, and others are read', async () => {
    const path = await file('a.yaml', `${CONFIG}metadata: {name: a}\n`);
    const { manifests, errors } = await readManifests([join(directory, 'none'), path]);
    expect(manifests).toHaveLength(1);
    expect(errors.map(formatManifestError)[0]).toMatch(/none: ENOENT/);
  });

  it('that give an object twice keep the first and name it', async () => {
    const path = await file(
      'a.yaml',
      `${CONFIG}metadata: {name: a}\ndata: {from: first}\n---\n${CONFIG}metadata: {name: a, namespace: default}\n`,
    );
    const { manifests, errors } = await readManifests([path]);
    expect(manifests.map(({ object }) => object['data'])).toEqual([{ from: 'first' }]);
    expect(errors.map(({ line, message }) => [line, message])).toEqual([
      [6, `ConfigMap "a" is already in ${path}:1; that one is used`],
    ]);
  });
});
