/**
 * Asks responders about the certificates of the table, on the main thread and ahead of time: a handshake staples what is there and
 * never waits. One answer serves all workers.
 */
import { createHash } from 'node:crypto';
import type { Certificate, RoutingTable } from '../../model/table.ts';
import type { Logger } from '../../observe/log.ts';
import { ocspRequest, subjectOf, type Subject } from './request.ts';
import { judgeResponse, REVOKED, type Staple } from './response.ts';

/** The name of a certificate among staples, from its bytes (DER). */
export function stapleKey(certificate: Buffer): string {
  return createHash('sha256').update(certificate).digest('base64');
}

/** A staple that is new, or is to be forgotten. */
export type StapleChange = readonly [key: string, staple: Staple | null];

/** Responders that are asked at once, and the time each has, in milliseconds. */
const AT_ONCE = 4;
const TIMEOUT = 10_000;
/** More than any answer has, in bytes. */
const MAX_ANSWER = 65_536;
/** Asked again after half of what is left of an answer's time, within these bounds. */
const SOONEST = 60_000;
const LATEST = 12 * 3_600_000;
/** After a failure: doubled with each in a row. */
const RETRY = 60_000;
const LONGEST_RETRY = 3_600_000;

interface Entry {
  readonly chain: string;
  /** Null until it was looked at. */
  subject: Subject | null;
  staple: Staple | null;
  /** When to ask; Infinity while it is asked, and when nobody can be. */
  due: number;
  failures: number;
}

export class Stapler {
  readonly #log: Logger;
  readonly #onChange: (changes: readonly StapleChange[]) => void;
  readonly #wallClock: () => number;
  /** By fingerprint. */
  readonly #entries = new Map<string, Entry>();
  /** What is followed: a table that changes otherwise has the same. */
  #certificates: RoutingTable['certificates'] | undefined;
  #default: Certificate | undefined;
  readonly #abort = new AbortController();
  #asking = 0;

  /** `wallClock`: milliseconds since the epoch. */
  constructor(log: Logger, onChange: (changes: readonly StapleChange[]) => void, wallClock: () => number = Date.now) {
    this.#log = log;
    this.#onChange = onChange;
    this.#wallClock = wallClock;
  }

  /** Looks after the certificates of a table from now on, and forgets all others. Null: of none. */
  follow(table: Pick<RoutingTable, 'certificates' | 'defaultCertificate'> | null): void {
    if (table?.certificates === this.#certificates && table?.defaultCertificate === this.#default) return;
    this.#certificates = table?.certificates;
    this.#default = table?.defaultCertificate;
    const wanted = new Set<string>();
    for (const { fingerprint, chain } of table === null ? [] : [...table.certificates.values(), table.defaultCertificate]) {
      wanted.add(fingerprint);
      if (!this.#entries.has(fingerprint))
        this.#entries.set(fingerprint, { chain, subject: null, staple: null, due: 0, failures: 0 });
    }
    const gone = new Map<string, Staple | null>();
    for (const [fingerprint, entry] of this.#entries) {
      if (wanted.has(fingerprint)) continue;
      this.#entries.delete(fingerprint);
      if (entry.staple !== null) gone.set(nameOf(entry), null);
    }
    // Another Secret may have the same certificate, with another chain.
    if (gone.size > 0)
      for (const entry of this.#entries.values())
        if (entry.staple !== null && gone.has(nameOf(entry))) gone.set(nameOf(entry), entry.staple);
    if (gone.size > 0) this.#onChange([...gone]);
    this.tick();
  }

  /** All that may be stapled now. */
  staples(): readonly StapleChange[] {
    return [...this.#entries.values()].flatMap(({ subject, staple }): StapleChange[] =>
      subject === null || staple === null ? [] : [[stapleKey(subject.leaf.raw), staple]],
    );
  }

  /** Asks about those that are due. To be called every second or so. */
  tick(): void {
    if (this.#asking >= AT_ONCE) return;
    const now = this.#wallClock();
    for (const entry of this.#entries.values()) {
      if (entry.due > now) continue;
      entry.due = Infinity;
      if (entry.subject === null) {
        const subject = subjectOf(entry.chain);
        // Most certificates name no responder any more; that is nothing to report.
        if (typeof subject === 'string') continue;
        entry.subject = subject;
      }
      this.#asking++;
      void this.#ask(entry, entry.subject);
      if (this.#asking >= AT_ONCE) return;
    }
  }

  /** Asks nobody any more. */
  close(): void {
    this.#abort.abort();
    this.#entries.clear();
  }

  async #ask(entry: Entry, subject: Subject): Promise<void> {
    let outcome: Staple | string;
    try {
      const answer = await fetchAnswer(subject.url, ocspRequest(subject), this.#abort.signal);
      outcome = typeof answer === 'string' ? answer : judgeResponse(answer, subject, this.#wallClock());
    } catch (error) {
      outcome = (error as Error).message;
    }
    this.#asking--;
    if (this.#abort.signal.aborted) return;
    const now = this.#wallClock();
    if (typeof outcome === 'string') {
      entry.due = now + Math.min(RETRY * 2 ** entry.failures++, LONGEST_RETRY);
      this.#log.warn({ responder: subject.url, serial: subject.leaf.serialNumber }, `no OCSP answer to staple: ${outcome}`);
      // What it said before would hide that from clients for days.
      if (outcome === REVOKED && entry.staple !== null) {
        entry.staple = null;
        this.#onChange([[nameOf(entry), null]]);
      }
    } else {
      entry.failures = 0;
      entry.due = now + Math.min(Math.max((outcome.validUntil - now) / 2, SOONEST), LATEST);
      // It may have gone from the table meanwhile.
      if ([...this.#entries.values()].includes(entry)) {
        entry.staple = outcome;
        this.#onChange([[nameOf(entry), outcome]]);
      }
    }
    this.tick();
  }
}

/** The key of an entry's staple; only of one that was looked at. */
function nameOf({ subject }: Entry): string {
  return stapleKey(subject!.leaf.raw);
}

/** The answer, or why there is none. Goes where the certificate says and nowhere else. */
async function fetchAnswer(url: string, request: Buffer, closed: AbortSignal): Promise<Buffer | string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/ocsp-request', Accept: 'application/ocsp-response' },
    body: new Uint8Array(request),
    redirect: 'error',
    signal: AbortSignal.any([closed, AbortSignal.timeout(TIMEOUT)]),
  });
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > MAX_ANSWER) return 'the answer is too large';
    pieces.push(piece);
  }
  // In memory of its own: a worker gets all the memory that a view is of.
  const whole = Buffer.alloc(size);
  Buffer.concat(pieces).copy(whole);
  return response.status === 200 ? whole : `the responder answers ${response.status}`;
}

/** What a worker staples. */
export class Staples {
  readonly #staples = new Map<string, Staple>();
  readonly #wallClock: () => number;

  /** `wallClock`: milliseconds since the epoch. */
  constructor(wallClock: () => number = Date.now) {
    this.#wallClock = wallClock;
  }

  change(changes: readonly StapleChange[]): void {
    for (const [key, staple] of changes) {
      if (staple === null) this.#staples.delete(key);
      else this.#staples.set(key, staple);
    }
  }

  /** Null: nothing that is still valid is known of the certificate (DER). */
  find(certificate: Buffer): Buffer | null {
    if (this.#staples.size === 0) return null;
    const staple = this.#staples.get(stapleKey(certificate));
    if (staple === undefined || staple.validUntil <= this.#wallClock()) return null;
    const { buffer, byteOffset, length } = staple.response;
    return Buffer.from(buffer, byteOffset, length);
  }
}
