/**
 * Fuzzes the HTTP/1.1 parsers against llhttp: `npm run fuzz -- --seconds N [--seed S]`. Each finding is written to
 * `test/fuzz/findings/`, and from then on is a case of the test suite.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { run } from './run.ts';

const BATCH = 5_000;
/** More findings than this have one cause. */
const ENOUGH = 20;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const until = performance.now() + Number(values.seconds) * 1000;
const start = performance.now();
let seed = Number(values.seed);
let executions = 0;
const problems = new Map<string, number>();
while (performance.now() < until && problems.size < ENOUGH) {
  for (const finding of run(seed, BATCH)) {
    // One of each sort: what differs only in its data is the same.
    const sort = `${finding.kind} ${finding.problem.replace(/".*?"|\d+|\[.*\]/gs, '#').slice(0, 80)}`;
    const before = problems.get(sort) ?? 0;
    problems.set(sort, before + 1);
    if (before > 0) continue;
    const name = createHash('sha256').update(finding.text).digest('hex').slice(0, 12);
    writeFileSync(new URL(`findings/${finding.kind}-${name}.json`, import.meta.url), `${JSON.stringify(finding, null, 2)}\n`);
    console.log(`${finding.kind}-${name}: ${finding.problem}\n  ${JSON.stringify(finding.text)}`);
  }
  executions += BATCH;
  seed++;
}
const rate = Math.round((executions / (performance.now() - start)) * 1000);
console.log(`${executions} streams, ${rate} a second, seeds ${values.seed} to ${seed - 1}; ${problems.size} sorts of findings`);
process.exitCode = problems.size === 0 ? 0 : 1;
