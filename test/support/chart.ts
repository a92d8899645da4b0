/** Renders the Helm chart with the real Helm. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { helmPath } from './tools.ts';

const CHART = new URL('../../charts/sluice', import.meta.url).pathname;

/** A manifest as parsed YAML: a test may look anywhere. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = any;

async function helm(args: readonly string[], values: object): Promise<string> {
  const child = promisify(execFile)(await helmPath(), [...args, '--values', '-']);
  child.child.stdin?.end(stringify(values));
  return (await child).stdout;
}

/** `helm lint --strict`. Rejects when it finds something. */
export function lintChart(values: object): Promise<string> {
  return helm(['lint', '--strict', CHART], values);
}

/** `helm template` as text, with more of its flags. Rejects with Helm's message when the values are refused. */
export function renderChart(values: object, ...flags: readonly string[]): Promise<string> {
  return helm(['template', 'edge', CHART, '--namespace', 'ingress', ...flags], values);
}

/** `helm template`, parsed. */
export async function manifestsOf(values: object, ...flags: readonly string[]): Promise<readonly Manifest[]> {
  const documents = parseAllDocuments(await renderChart(values, ...flags));
  return documents.map((document) => document.toJS()).filter((manifest) => manifest !== null);
}

/** The one manifest of a kind. */
export function ofKind(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  if (found.length !== 1) throw new Error(`${found.length} manifests of kind ${kind}`);
  return found[0];
}

/** The one manifest of a kind and name. */
export function named(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  return ofKind(
    manifests.filter((manifest) => manifest.metadata.name === name),
    kind,
  );
}
