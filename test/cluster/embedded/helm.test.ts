import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApiServer } from '../../../src/cluster/embedded/api/server.ts';
import type { ApiServer } from '../../../src/cluster/embedded/api/server.ts';
import { helmPath } from '../../support/tools.ts';

let server: ApiServer;
let directory: string;
beforeAll(async () => {
  server = await startApiServer({ port: 0 });
  directory = await mkdtemp(join(tmpdir(), 'helm-'));
  await writeFile(join(directory, 'config'), server.kubeconfig());
  await mkdir(join(directory, 'mini', 'templates'), { recursive: true });
  await writeFile(join(directory, 'mini', 'Chart.yaml'), 'apiVersion: v2\nname: mini\nversion: 0.1.0\n');
  const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mini}\ndata: {size: {{ .Values.size | quote }}}\n';
  await writeFile(join(directory, 'mini', 'templates', 'map.yaml'), map);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await server.close();
});

async function helm(...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: join(directory, 'config') };
  const { stdout } = await promisify(execFile)(await helmPath(), args, { env });
  return stdout;
}

it('Helm installs, upgrades and uninstalls a chart', async () => {
  const chart = join(directory, 'mini');
  const maps = server.storage.resource('v1', 'configmaps');
  expect(await helm('install', 'mini', chart, '--set', 'size=1')).toContain('STATUS: deployed');
  expect(maps.get('default', 'mini')?.['data']).toEqual({ size: '1' });
  await helm('upgrade', 'mini', chart, '--set', 'size=2');
  expect(maps.get('default', 'mini')?.['data']).toEqual({ size: '2' });
  expect(await helm('list')).toMatch(/mini\s+default\s+2/);
  await helm('uninstall', 'mini');
  expect(maps.get('default', 'mini')).toBeUndefined();
});
