/** What some changes make stale, and what they come to: entries of the table's Maps, and diagnostics. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { equalData } from '../model/diff.ts';
import { sortedDiagnostics } from '../model/report.ts';
import type { CertificateId, GroupId } from '../model/table.ts';

/** What the changes of one `apply` made stale. */
export class Dirty {
  readonly hosts = new Set<string>();
  readonly groups = new Set<GroupId>();
  readonly certificates = new Set<CertificateId>();
  /** A ConfigMap with TCP or UDP services. */
  streams = false;
  /** A ConfigMap with headers for all hosts. */
  headers = false;
  readonly upstreamSecrets = new Set<CertificateId>();
}

/** What changes in one of the table's Maps. */
export class Edits<K, V> {
  readonly put: V[] = [];
  readonly removed: K[] = [];
  readonly #puts: [K, V][] = [];

  /** Notes the change of one entry, if it is one; an equal value is not. */
  change(key: K, before: V | undefined, after: V | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.removed.push(key);
    } else if (before === undefined || !equalData(before, after)) {
      this.put.push(after);
      this.#puts.push([key, after]);
    }
  }

  /** The Map after the changes: the same one when there are none. */
  next(map: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
    if (this.#puts.length === 0 && this.removed.length === 0) return map;
    const copy = new Map(map);
    for (const key of this.removed) copy.delete(key);
    for (const [key, value] of this.#puts) copy.set(key, value);
    return copy;
  }
}

/** Diagnostics that are new, and those that are gone; each sorted. */
export interface DiagnosticsDelta {
  readonly added: readonly Diagnostic[];
  readonly removed: readonly Diagnostic[];
}

/** The diagnostics in force, by the unit of translation that found them, and what changed of them. */
export class DiagnosticLedger {
  readonly #units = new Map<string, readonly Diagnostic[]>();
  /** How many units have this to say, by the JSON of the diagnostic. */
  readonly #counts = new Map<string, number>();
  /** What the units had to say that were set since the last delta. */
  readonly #before = new Map<string, readonly Diagnostic[]>();

  /** Replaces what a unit has to say. */
  set(unit: string, diagnostics: readonly Diagnostic[]): void {
    const before = this.#units.get(unit) ?? [];
    if (!this.#before.has(unit)) this.#before.set(unit, before);
    if (diagnostics.length === 0) this.#units.delete(unit);
    else this.#units.set(unit, diagnostics);
  }

  /** All of them, sorted, each once. */
  all(): readonly Diagnostic[] {
    return sortedDiagnostics([...this.#units.values()].flat());
  }

  /** What changed since the last call. */
  takeDelta(): DiagnosticsDelta {
    const seen = new Map<string, { readonly item: Diagnostic; change: number }>();
    const count = (list: readonly Diagnostic[], by: number): void => {
      for (const item of list) {
        const text = JSON.stringify(item);
        const entry = seen.get(text) ?? { item, change: 0 };
        entry.change += by;
        seen.set(text, entry);
      }
    };
    for (const [unit, before] of this.#before) {
      count(before, -1);
      count(this.#units.get(unit) ?? [], 1);
    }
    this.#before.clear();
    const added: Diagnostic[] = [];
    const removed: Diagnostic[] = [];
    for (const [text, { item, change }] of seen) {
      // Several units may have the same to say: it is new with the first, and gone with the last.
      const old = this.#counts.get(text) ?? 0;
      const now = old + change;
      if (now === 0) this.#counts.delete(text);
      else this.#counts.set(text, now);
      if (old === 0 && now > 0) added.push(item);
      if (old > 0 && now === 0) removed.push(item);
    }
    return { added: sortedDiagnostics(added), removed: sortedDiagnostics(removed) };
  }
}
