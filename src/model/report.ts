/** How diagnostics are made: one reporter per object, so that every message is bounded and safe to print. */
import type { Diagnostic, DiagnosticCode, ObjectRef } from './diagnostic.ts';

/** No message is longer than this, in bytes of UTF-8. */
const MESSAGE_LIMIT = 1024;
const QUOTE_LIMIT = 200;

/** A value as it may stand in a message: JSON, control and bidirectional characters escaped, cut at 200 characters. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, QUOTE_LIMIT) : value) ?? String(value);
  } catch {
    text = typeof value;
  }
  return escapeControls(text.length > QUOTE_LIMIT ? `${text.slice(0, QUOTE_LIMIT)}…` : text);
}

function escapeControls(text: string): string {
  // \p{C}: control, format (bidirectional overrides), surrogate halves and unassigned characters.
  return text.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0') ?? ''}`,
  );
}

function bounded(message: string): string {
  const safe = escapeControls(message.slice(0, MESSAGE_LIMIT + 1));
  if (Buffer.byteLength(safe) <= MESSAGE_LIMIT) return safe;
  // A character is at most 3 bytes per UTF-16 unit, so a third of the limit always fits.
  return `${safe.slice(0, Math.floor(MESSAGE_LIMIT / 3) - 1)}…`;
}

/** Reports what is wrong with one field of the object the reporter was made for. */
export type Report = (
  code: DiagnosticCode,
  severity: Diagnostic['severity'],
  field: string,
  message: string,
  served: string,
) => void;

/** Collects the diagnostics of one object. */
export interface Reporter {
  readonly report: Report;
  readonly diagnostics: readonly Diagnostic[];
}

/** One diagnostic, its texts bounded and free of control characters. */
export function diagnostic(object: ObjectRef, ...rest: Parameters<Report>): Diagnostic {
  const [code, severity, field, message, served] = rest;
  return { code, severity, object, field, message: bounded(message), served: bounded(served) };
}

/** A reporter for one object. */
export function createReporter(object: ObjectRef): Reporter {
  const diagnostics: Diagnostic[] = [];
  return {
    diagnostics,
    report: (...rest) => {
      diagnostics.push(diagnostic(object, ...rest));
    },
  };
}

/** Orders diagnostics by object, field, code and message, so that a list of them is the same whatever order they arose in. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    compareText(a.object.kind, b.object.kind) ||
    compareText(a.object.namespace, b.object.namespace) ||
    compareText(a.object.name, b.object.name) ||
    compareText(a.field, b.field) ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message) ||
    compareText(a.served, b.served)
  );
}

/** Sorted, and each once: two ports of one Service may find the same thing wrong with it. */
export function sortedDiagnostics(list: Iterable<Diagnostic>): readonly Diagnostic[] {
  const unique = new Map([...list].map((item) => [JSON.stringify(item), item]));
  return [...unique.values()].sort(compareDiagnostics);
}

/** Orders texts by code unit, the same on every machine; `localeCompare` is not. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
