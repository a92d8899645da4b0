/**
 * Fuzzes the HTTP/1.1 parsers, the whole data plane between them, and translation: `npm run fuzz -- --seconds N`. Options: `--seed S`,
 * the first seed; `--streams N`, an end by number instead of time; `--kind request,response,exchange,ingress`; `--coverage`, what of the
 * source was reached. Each finding is written to `test/fuzz/findings/`, and from then on is a case of the test suite.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { Tally } from './oracles/tally.ts';
import { KINDS, run, type Kind } from './run.ts';

const BATCH = 4096;
/** More findings than this have one cause. */
const ENOUGH = 20;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    streams: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    kind: { type: 'string', default: KINDS.join(',') },
    coverage: { type: 'boolean', default: false },
  },
});
const kinds = values.kind.split(',').filter((kind): kind is Kind => KINDS.some((known) => known === kind));
if (kinds.length === 0) throw new Error(`--kind: one or more of ${KINDS.join(', ')}`);
const coverage = values.coverage ? new Coverage() : null;
const tallies = new Map(kinds.map((kind) => [kind, { tally: new Tally(), took: 0 }]));
const problems = new Map<string, number>();
const until = performance.now() + (values.streams === 'Infinity' ? Number(values.seconds) * 1000 : Infinity);
let seed = Number(values.seed);

function enough(): boolean {
  const fewest = Math.min(...[...tallies.values()].map(({ tally }) => tally.streams));
  return performance.now() >= until || fewest >= Number(values.streams) || problems.size >= ENOUGH;
}

while (!enough()) {
  for (const [kind, entry] of tallies) {
    const start = performance.now();
    for (const finding of await run(kind, seed, BATCH, entry.tally)) {
      // One of each sort: what differs only in its data is the same.
      const sort = `${kind} ${finding.problem.replace(/".*?"|\d+|\[.*\]/gs, '#').slice(0, 80)}`;
      const before = problems.get(sort) ?? 0;
      problems.set(sort, before + 1);
      if (before > 0) continue;
      const name = createHash('sha256').update(finding.text).digest('hex').slice(0, 12);
      writeFileSync(new URL(`findings/${kind}-${name}.json`, import.meta.url), `${JSON.stringify(finding, null, 2)}\n`);
      console.log(`${kind}-${name}: ${finding.problem}\n  ${JSON.stringify(finding.text)}`);
    }
    entry.took += performance.now() - start;
  }
  seed++;
}
for (const [kind, { tally, took }] of tallies) {
  console.log(`${kind}: ${Math.round((tally.streams / took) * 1000)} a second. ${tally.toString()}`);
}
console.log(`seeds ${values.seed} to ${seed - 1}; ${problems.size} sorts of findings`);
if (coverage !== null) console.log(coverage.report());
process.exitCode = problems.size === 0 ? 0 : 1;
