import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApplyError } from '../../src/cluster/embedded/apply.ts';
import type { ManifestWatch } from '../../src/cluster/embedded/watch-manifests.ts';
import { followManifests, refusalLine } from '../../src/commands/dev-manifests.ts';
import { eventually } from '../support/eventually.ts';

const REFUSED: ApplyError = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  namespace: '',
  name: 'web',
  message: 'Ingress.networking.k8s.io "web" is invalid: spec: Invalid value',
  fields: ['spec'],
};

function names(objects: readonly object[]): string {
  return objects.map((each) => (each as { kind: string }).kind).join();
}

const INGRESS = 'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n';

describe('refusalLine', () => {
  it('names the file, line and document that the refused object is from', () => {
    const object = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } };
    const other = { ...object, metadata: { name: 'web', namespace: 'other' } };
    const place = (file: string, of: typeof object) => ({ object: of, file, document: 2, line: 7 });
    const line = refusalLine(REFUSED, [place('other.yaml', other), place('web.yaml', object)]);
    expect(line).toBe(`web.yaml:7, document 2: ${REFUSED.message}`);
    expect(refusalLine(REFUSED, [])).toBe(`Ingress "web": ${REFUSED.message}`);
  });
});

describe('followManifests', () => {
  let folder: string;
  let watch: ManifestWatch | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-manifests-'));
  });
  afterEach(async () => {
    await watch?.close();
    rmSync(folder, { recursive: true });
  });

  it('applies, deletes what is gone, and tells of each mistake with its file', async () => {
    const calls: string[] = [];
    const lines: string[] = [];
    const cluster = {
      apply: (objects: readonly object[]) => {
        calls.push(`apply ${names(objects)}`);
        return { applied: [], errors: objects.length > 0 ? [REFUSED] : [] };
      },
      delete: (objects: readonly object[]) => {
        calls.push(`delete ${names(objects)}`);
        return [];
      },
    };
    writeFileSync(join(folder, 'broken.yaml'), 'kind: [');
    writeFileSync(join(folder, 'web.yaml'), `# the only one\n${INGRESS}`);
    watch = followManifests(cluster, [folder], (line) => lines.push(line));
    await watch.ready;
    await eventually(() => lines.length >= 2);
    expect(calls).toEqual(['delete ', 'apply Ingress']);
    expect(lines.some((line) => line.startsWith(join(folder, 'broken.yaml')))).toBe(true);
    expect(lines).toContain(`${join(folder, 'web.yaml')}:2, document 1: ${REFUSED.message}`);
    rmSync(join(folder, 'web.yaml'));
    await eventually(() => calls.includes('delete Ingress'));
  });
});
