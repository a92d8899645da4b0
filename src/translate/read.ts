/**
 * Reading objects that may be anything: what an API server, a test or a broken client left in a field. Absent and null are the
 * same; a value of the wrong type is reported once and read as absent.
 */
import type { KubeObject } from '../model/objects.ts';
import type { ObjectRef } from '../model/diagnostic.ts';
import type { Report } from '../model/report.ts';
import { quote } from '../model/report.ts';

/** An object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

const LEFT_OUT = 'That part of the object is left out.';

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in a field, or undefined. */
export function readFields(value: unknown, field: string, report: Report): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (isFields(value)) return value;
  report('ObjectMalformed', 'error', field, `${quote(value)} is not an object`, LEFT_OUT);
  return undefined;
}

/** The items of a list; none when it is absent. */
export function readList(value: unknown, field: string, report: Report): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  report('ObjectMalformed', 'error', field, `${quote(value)} is not a list`, LEFT_OUT);
  return [];
}

/** The text in a field: undefined when absent, null when it is no text (and reported). */
export function readText(value: unknown, field: string, report: Report): string | undefined | null {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  report('ObjectMalformed', 'error', field, `${quote(value)} is not a text`, LEFT_OUT);
  return null;
}

/** A port number, 1 to 65535. */
export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** The namespace and name of an object, or null when it has no usable metadata. */
export function nameOf(object: KubeObject): { readonly namespace: string; readonly name: string } | null {
  const metadata: unknown = isFields(object) ? object.metadata : undefined;
  if (!isFields(metadata)) return null;
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return null;
  return { namespace: typeof namespace === 'string' ? namespace : '', name };
}

const API_VERSIONS = { Ingress: 'networking.k8s.io/v1', Service: 'v1', Secret: 'v1', ConfigMap: 'v1' } as const;

/** The reference to an object in diagnostics. */
export function objectRef(kind: keyof typeof API_VERSIONS, namespace: string, name: string, uid?: unknown): ObjectRef {
  const ref = { apiVersion: API_VERSIONS[kind], kind, namespace, name };
  return typeof uid === 'string' ? { ...ref, uid } : ref;
}

/** The key of a namespaced object in a Map: JSON, so that no choice of names can make two keys equal. */
export function objectKey(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}
