/** The fuzzing loop: generates, damages, compares. */
import { compareRequests, compareResponses } from './compare.ts';
import { requests, responses } from './generate.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';

export type Kind = 'request' | 'response';

/** A stream on which our parser is wrong, or differs from llhttp. */
export interface Finding {
  readonly kind: Kind;
  /** The stream, as Latin-1. */
  readonly text: string;
  /** Where the stream is cut, and for responses what was asked, follow from it. */
  readonly seed: number;
  readonly problem: string;
}

/** Tries one stream. Returns null if nothing is wrong with how it is read. */
export function tryStream(kind: Kind, text: string, seed: number): Finding | null {
  const random = new Random(seed);
  let problem: string | null;
  try {
    problem = kind === 'request' ? compareRequests(text, random) : compareResponses(text, random);
  } catch (error) {
    problem = `exception: ${String(error)}`;
  }
  return problem === null ? null : { kind, text, seed, problem };
}

/** Runs `count` streams that follow from `seed`, and gives what was found. */
export function run(seed: number, count: number): Finding[] {
  const random = new Random(seed);
  const found: Finding[] = [];
  for (let i = 0; i < count; i++) {
    const kind = random.oneIn(3) ? 'response' : 'request';
    let text = kind === 'request' ? requests(random) : responses(random);
    if (!random.oneIn(5)) text = mutate(text, random);
    if (text === '') continue;
    const finding = tryStream(kind, text, (seed * 31 + i) >>> 0);
    if (finding !== null) found.push(finding);
  }
  return found;
}
