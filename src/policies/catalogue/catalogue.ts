/** The catalogue: every annotation with its form, default and meaning, once. docs/annotations.md and `sluice check` come from it. */
import { ADDRESS_LISTS, BASIC_AUTH, CLIENT_CERTIFICATES, EXTERNAL_AUTH } from './authentication.ts';
import { AFFINITY, BACKEND_TLS, BACKENDS, PROXYING } from './backends.ts';
import type { CatalogueEntry, CatalogueFamily } from './entry.ts';
import { PATHS, REDIRECTS, TLS } from './requests.ts';
import { CORS, MODSECURITY, OBSERVING, RESPONSES, SNIPPETS } from './responses.ts';
import { CANARY, LIMITS, MIRROR } from './traffic.ts';

/** All families, in the order of the documentation. */
export const CATALOGUE: readonly CatalogueFamily[] = [
  TLS,
  REDIRECTS,
  PATHS,
  BACKENDS,
  AFFINITY,
  PROXYING,
  BACKEND_TLS,
  CANARY,
  BASIC_AUTH,
  EXTERNAL_AUTH,
  CLIENT_CERTIFICATES,
  ADDRESS_LISTS,
  LIMITS,
  CORS,
  RESPONSES,
  MIRROR,
  OBSERVING,
  SNIPPETS,
  MODSECURITY,
];

/** Its entries by name. */
export const CATALOGUE_ENTRIES: ReadonlyMap<string, CatalogueEntry> = new Map(
  CATALOGUE.flatMap(({ entries }) => entries.map((item) => [item.name, item] as const)),
);
