/** What an entry of the catalogue of annotations says. */

/** One annotation as its documentation has it. What becomes of it is in `policies/annotations.ts`, not here. */
export interface CatalogueEntry {
  /** Without prefix. */
  readonly name: string;
  /** The values it takes, in a few words. */
  readonly form: string;
  /** What holds without it, as a user would write it; empty: nothing. A setting of the ConfigMap is written `ConfigMap key`. */
  readonly fallback: string;
  /** What it asks for, in a sentence or two. */
  readonly meaning: string;
  /** Where Sluice, on purpose, does otherwise than ingress-nginx with it; undefined: nowhere. */
  readonly differs?: string;
  /** What to do where it is refused or without effect; undefined: nothing special. */
  readonly instead?: string;
}

/** Annotations that belong together: a heading of docs/annotations.md. */
export interface CatalogueFamily {
  readonly title: string;
  /** A sentence or more before the table; may be empty. */
  readonly about: string;
  readonly entries: readonly CatalogueEntry[];
}

/** What only some entries have. */
type Extra = Pick<CatalogueEntry, 'differs' | 'instead'>;

/** One entry. */
export function entry(name: string, form: string, fallback: string, meaning: string, extra: Extra = {}): CatalogueEntry {
  return { name, form, fallback, meaning, ...extra };
}

/** Forms that many annotations share. */
export const FORM = {
  bool: 'boolean',
  count: 'integer',
  seconds: 'integer, seconds',
  size: 'size, such as `8m`',
  onOff: '`on` or `off`',
  ranges: 'addresses and CIDRs, comma-separated',
  service: 'name of a Service of the same namespace',
  secret: '`[namespace/]name` of a Secret',
  configMap: '`[namespace/]name` of a ConfigMap',
  variables: 'text with nginx variables',
} as const;
