/** Which of our content codings a client prefers, by its Accept-Encoding (RFC 9110 §12.5.3). */

/** A content coding by its registered name. */
export type Coding = 'br' | 'zstd' | 'gzip';

/**
 * What a client likes equally well is decided by this order, the best compression first: as nginx, whose brotli filter runs
 * before that of gzip. Unlike nginx, which only asks whether the weight is 0, the client's weights come first.
 */
export const CODINGS: readonly Coding[] = ['br', 'zstd', 'gzip'];

/** One member of the list: the coding and its weight. What is no member is left out, and so means nothing. */
const MEMBER = /^[ \t]*([!#$%&'*+\-.^_`|~\w]+)[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$/i;

/**
 * The coding to use; null: none. Of a coding that is named twice the lower weight counts. Without the field nothing is coded, as
 * nginx does, though a client might take anything then. A client that would rather have no coding at all gets none; one that
 * refuses identity, and takes nothing of ours, too: there is no better answer (RFC 9110 §12.5.3).
 */
export function preferred(acceptEncoding: string, available: readonly Coding[]): Coding | null {
  if (acceptEncoding === '') return null;
  const weights = new Map<string, number>();
  for (const part of acceptEncoding.split(',')) {
    const member = MEMBER.exec(part);
    if (member === null) continue;
    const named = member[1]!.toLowerCase();
    const coding = named === 'x-gzip' ? 'gzip' : named;
    weights.set(coding, Math.min(weights.get(coding) ?? 1, Number(member[2] ?? 1)));
  }
  const others = weights.get('*') ?? 0;
  let best: Coding | null = null;
  let bestWeight = 0;
  for (const coding of available) {
    const weight = weights.get(coding) ?? others;
    if (weight <= bestWeight) continue;
    best = coding;
    bestWeight = weight;
  }
  return (weights.get('identity') ?? 0) > bestWeight ? null : best;
}

const FIELD = /\r\naccept-encoding:([^\r]*)/gi;

/** The value of Accept-Encoding in the text of a request's head; several lines are one list. Empty: there is none. */
export function acceptEncoding(head: string): string {
  let value = '';
  for (const [, line] of head.matchAll(FIELD)) value = value === '' ? line! : `${value},${line}`;
  return value;
}
