/** D2: sends smuggling attacks, many at a time, and counts with the backend's own counter what came of them. */
import { expect } from 'vitest';
import { fresh, NEXT } from '../support/case.ts';
import { attacks, lines } from '../support/mutations.ts';
import { sluiceSubject } from '../support/sluice.ts';

/** Connections at a time. */
const TOGETHER = 16;

/**
 * Runs the attacks with every `every`-th line of each set. Resolves with how many there were, after it was seen that the backend
 * never got more requests than a client had sent, and never a hidden one.
 */
export async function smuggle(every: number): Promise<number> {
  const subject = await sluiceSubject();
  const sets = lines();
  const chosen = [sets.default, sets.exhaustive, sets.doubles].flatMap((set) => set.filter((_, index) => index % every === 0));
  const all = chosen.flatMap((line) => attacks(line));
  const accepted: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let attack = all[next++]; attack !== undefined; attack = all[next++]) {
      const { id, text } = fresh(attack.bytes + NEXT);
      const client = await subject.connect();
      client.send(text);
      client.socket.end();
      await client.closed();
      client.close();
      const seen = subject.backend.requests.filter(({ target }) => target.endsWith(id.slice(1)));
      const targets = seen.map(({ target }) => target[1]).join('');
      // Nothing, or what the Content-Length makes of it: in TE.CL it leaves the request among the chunks outside, as one sent.
      const sent = attack.kind === 'CL.TE' ? 'xy' : 'xz';
      expect({ attack: attack.name, targets }).toEqual({ attack: attack.name, targets: targets === '' ? '' : sent });
      if (targets !== '') accepted.push(attack.line);
    }
  };
  try {
    await Promise.all(Array.from({ length: TOGETHER }, worker));
    // It is no attack where the line is a field of another name.
    for (const line of accepted) expect(line).not.toMatch(/^transfer-encoding[^!-~]*:/im);
    expect(accepted.length).toBeLessThan(all.length / 2);
  } finally {
    await subject.close();
  }
  return all.length;
}
