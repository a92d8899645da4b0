/** The fuzzing loop: generates, damages, compares. */
import { requests, responses } from './inputs/generate.ts';
import { mutate } from './inputs/mutate.ts';
import { Random } from './random.ts';
import { validRequests, validResponse } from './inputs/valid.ts';
import { compareExchanges } from './oracles/exchanges.ts';
import { hostileText, judgeHostileText } from './oracles/ingresses.ts';
import { compareRequests, compareValidRequests } from './oracles/requests.ts';
import { compareResponses, compareValidResponse } from './oracles/responses.ts';
import type { Tally } from './oracles/tally.ts';

export const KINDS = ['request', 'response', 'exchange', 'ingress'] as const;
export type Kind = (typeof KINDS)[number];

/** A stream on which our parser is wrong, or differs from another. */
export interface Finding {
  readonly kind: Kind;
  /** The stream, as Latin-1; of an Ingress, JSON. */
  readonly text: string;
  /** Where the stream is cut, and for responses what was asked, follow from it. */
  readonly seed: number;
  readonly problem: string;
}

/** Tries one stream; `everyone`: with all parsers there are. Returns null if nothing is wrong with how it is read. */
export function tryStream(kind: Kind, text: string, seed: number, tally: Tally, everyone: boolean): Finding | null {
  tally.streams++;
  const random = new Random(seed);
  return finding(kind, text, seed, () => {
    switch (kind) {
      case 'request':
        return compareRequests(text, random, tally);
      case 'response':
        return compareResponses(text, random, tally, everyone);
      case 'exchange': {
        const [requests = '', ...answers] = JSON.parse(text) as string[];
        return compareExchanges({ requests, answers }, random, tally);
      }
      case 'ingress':
        return judgeHostileText(text);
    }
  });
}

/** Tries the valid stream that follows from `seed`. */
export function tryValid(kind: Kind, seed: number, tally: Tally): Finding | null {
  tally.streams++;
  const random = new Random(seed);
  if (kind === 'request') {
    const valid = validRequests(random);
    return finding('request', valid.text, seed, () => compareValidRequests(valid, random, tally));
  }
  const valid = validResponse(random);
  return finding('response', valid.text, seed, () => compareValidResponse(valid, random, tally));
}

function finding(kind: Kind, text: string, seed: number, compare: () => string | null): Finding | null {
  let problem: string | null;
  try {
    problem = compare();
  } catch (error) {
    problem = `exception: ${String(error)}`;
  }
  return problem === null ? null : { kind, text, seed, problem };
}

/** Runs `count` streams that follow from `seed`, and gives what was found. */
export async function run(kind: Kind, seed: number, count: number, tally: Tally): Promise<Finding[]> {
  const random = new Random(seed);
  const found: Finding[] = [];
  for (let i = 0; i < count; i++) {
    // undici leaves something to do for the event loop.
    if (i % 256 === 0) await new Promise(setImmediate);
    const own = (Math.imul(seed, 0x9e3779b1) + i) >>> 0;
    const one =
      kind !== 'exchange' && kind !== 'ingress' && random.oneIn(4)
        ? tryValid(kind, own, tally)
        : tryStream(kind, damaged(kind, random), own, tally, false);
    if (one !== null) found.push(one);
  }
  return found;
}

function damaged(kind: Kind, random: Random): string {
  let text: string;
  if (kind === 'ingress') return hostileText(random);
  if (kind === 'exchange') {
    const texts = [random.oneIn(3) ? damaged('request', random) : validRequests(random).text];
    for (let count = random.below(4); count > 0; count--)
      texts.push(random.oneIn(3) ? damaged('response', random) : validResponse(random).text);
    return JSON.stringify(texts);
  }
  if (kind === 'request') text = random.oneIn(2) ? requests(random) : validRequests(random).text;
  else text = random.oneIn(2) ? responses(random) : validResponse(random).text;
  if (!random.oneIn(5)) text = mutate(text, random);
  return text === '' ? '\r' : text;
}
