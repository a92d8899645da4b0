/**
 * What a policy is. Its reading half, here, turns the annotations of one Ingress into plain data, once per change of the
 * Ingress. Its acting half belongs to the data plane.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Report } from '../model/report.ts';
import { compareText, quote } from '../model/report.ts';
import type { TranslateSettings } from '../settings/settings.ts';
import { parseGoBool } from '../settings/values.ts';
import { parseText } from './values.ts';

/** The annotations of one Ingress, named without their prefix. A value that cannot be understood is reported and read as absent. */
export interface AnnotationSource {
  readonly bool: (name: string, fallback: boolean) => boolean;
  /** Trimmed per line; undefined when absent or empty. */
  readonly text: (name: string) => string | undefined;
  /** As the API gave it: it may be anything. */
  readonly value: (name: string) => unknown;
  /** The names of all annotations with the prefix, sorted. */
  readonly names: () => readonly string[];
  /** Reports something about one annotation; the name may be anything. */
  readonly report: (...about: Parameters<Report>) => void;
  /** Reports a value that the policy itself found wrong. `served` says what happens instead. */
  readonly invalid: (name: string, expected: string, served: string, severity?: Diagnostic['severity']) => void;
}

/** The reading half of a policy. */
export interface PolicyReader<Data> {
  /** The annotations it reads, without prefix: each annotation belongs to one policy. */
  readonly annotations: readonly string[];
  readonly read: (source: AnnotationSource, settings: TranslateSettings) => Data;
}

/** The field path of an annotation in diagnostics. */
export function annotationField(prefix: string, name: string): string {
  return `metadata.annotations[${prefix}/${name}]`;
}

/** Reads the annotations of an Ingress. `annotations` is what the API gave: it may be anything. */
export function annotationSource(annotations: unknown, prefix: string, report: Report): AnnotationSource {
  const valueOf = (name: string): unknown => {
    if (typeof annotations !== 'object' || annotations === null) return undefined;
    const key = `${prefix}/${name}`;
    return Object.hasOwn(annotations, key) ? Reflect.get(annotations, key) : undefined;
  };
  const raw = (name: string): string | undefined => {
    const value = valueOf(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    report(
      'ObjectMalformed',
      'warning',
      annotationField(prefix, name),
      `${quote(value)} is not a text`,
      'The default is used.',
    );
    return undefined;
  };
  const invalid: AnnotationSource['invalid'] = (name, expected, served, severity = 'warning') => {
    const message = `${name}: ${quote(raw(name))} is not ${expected}`;
    report('AnnotationInvalid', severity, annotationField(prefix, name), message, served);
  };
  return {
    bool: (name, fallback) => {
      const text = raw(name);
      if (text === undefined) return fallback;
      const value = parseGoBool(text);
      if (value === undefined) invalid(name, 'a boolean ("true" or "false")', `The default, ${fallback}, is used.`);
      return value ?? fallback;
    },
    text: (name) => {
      const text = raw(name);
      return text === undefined ? undefined : parseText(text);
    },
    value: valueOf,
    names: () => {
      if (typeof annotations !== 'object' || annotations === null) return [];
      const keys = Object.keys(annotations).filter((key) => key.startsWith(`${prefix}/`));
      return keys.map((key) => key.slice(prefix.length + 1)).sort(compareText);
    },
    report: (code, severity, name, message, served) => {
      // Without the quotation marks: bounded, and free of control characters.
      report(code, severity, annotationField(prefix, quote(name).slice(1, -1)), message, served);
    },
    invalid,
  };
}
