/** Tells people what is wrong with their objects: an Event on the object and a line in the log, once per diagnostic. */
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import type { Logger } from '../observe/log.ts';
import type { Clock } from './loop.ts';

/** Where Events go. Never throws, never waits. */
export type EmitEvent = (object: ObjectRef, type: 'Normal' | 'Warning', reason: string, message: string) => void;

/**
 * A diagnostic is told when it has stood for so long: an Ingress that is applied a moment before its Service or its Secret
 * is not worth an Event.
 */
export const SETTLE_MS = 1000;

interface ReporterOptions {
  readonly emit: EmitEvent;
  /** False once the object is gone: there is nothing left to hang an Event on. */
  readonly exists: (object: ObjectRef) => boolean;
  readonly log: Logger;
  readonly clock: Clock;
}

interface Entry {
  diagnostic: Diagnostic;
  readonly since: number;
  told: boolean;
}

/** Remembers which diagnostics stand, and tells of each that appears or vanishes. */
export class Reporter {
  readonly #options: ReporterOptions;
  #entries = new Map<string, Entry>();
  #cancel: (() => void) | null = null;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Takes all diagnostics of the last pass. */
  update(diagnostics: readonly Diagnostic[]): void {
    const now = this.#options.clock.now();
    const before = this.#entries;
    const entries = new Map<string, Entry>();
    for (const diagnostic of diagnostics) {
      const key = diagnosticKey(diagnostic);
      const entry = before.get(key) ?? { diagnostic, since: now, told: false };
      entry.diagnostic = diagnostic;
      entries.set(key, entry);
    }
    this.#entries = entries;
    for (const [key, entry] of before) {
      if (entry.told && !entries.has(key)) this.#tellVanished(entry.diagnostic);
    }
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    if (this.#cancel !== null) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) if (!entry.told) earliest = Math.min(earliest, entry.since);
    if (earliest === Number.POSITIVE_INFINITY) return;
    const delay = Math.max(1, earliest + SETTLE_MS - this.#options.clock.now());
    this.#cancel = this.#options.clock.after(delay, () => {
      this.#cancel = null;
      this.#tellDue();
      this.#arm();
    });
  }

  #tellDue(): void {
    const due = this.#options.clock.now() - SETTLE_MS;
    for (const entry of this.#entries.values()) {
      if (entry.told || entry.since > due) continue;
      entry.told = true;
      this.#tellAppeared(entry.diagnostic);
    }
  }

  #tellAppeared(diagnostic: Diagnostic): void {
    const { object, code, severity, field, message, served } = diagnostic;
    this.#options.log[severity === 'error' ? 'error' : 'warn']({ code, object: objectName(object), field, served }, message);
    this.#options.emit(object, 'Warning', code, eventMessage(diagnostic));
  }

  #tellVanished(diagnostic: Diagnostic): void {
    const { object, code, field, message } = diagnostic;
    this.#options.log.info({ code, object: objectName(object), field, was: message }, 'no longer the case');
    if (this.#options.exists(object)) this.#options.emit(object, 'Normal', 'Resolved', `${code} no longer the case: ${field}`);
  }
}

function diagnosticKey({ code, object, field, message }: Diagnostic): string {
  return JSON.stringify([code, object.kind, object.namespace, object.name, object.uid ?? '', field, message]);
}

/** `Ingress default/web`, or `IngressClass nginx` for what has no namespace. */
function objectName(object: ObjectRef): string {
  return `${object.kind} ${object.namespace === '' ? '' : `${object.namespace}/`}${object.name}`;
}

function eventMessage({ field, message, served }: Diagnostic): string {
  return [`${field}: ${message}`, served]
    .filter((part) => part !== '')
    .map(sentence)
    .join(' ');
}

/** Ended by a full stop, unless it has an end of its own. */
function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
