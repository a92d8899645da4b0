/**
 * What `sluice check` says of the corpus: a line for each Ingress with its verdict and what is found, and the summary.
 * UPDATE_GOLDEN=1 writes summary.txt anew, to be read in review: each line that becomes "identical" is a chart that can move.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { check, type JsonReport } from '../support/check.ts';
import { CORPUS } from '../support/corpus.ts';

const FILE = new URL('summary.txt', CORPUS);
const FIELD = /^metadata\.annotations\[nginx\.ingress\.kubernetes\.io\/(.*)\]$/u;

it('sluice check says of the corpus what summary.txt has', async () => {
  const json = await check([fileURLToPath(CORPUS), '--output=json']);
  const report = JSON.parse(json.out) as JsonReport;
  const lines = report.ingresses.map(({ namespace, name, verdict, findings }) => {
    const found = findings.map(({ code, severity, field }) => {
      const mark = severity === 'error' ? '!' : '';
      return `${mark}${code}(${FIELD.exec(field)?.[1] ?? field})`;
    });
    return [`${verdict.padEnd(9)} ${namespace}/${name}`, ...found].join(' ');
  });
  const others = report.others.map(
    ({ code, object, field }) => `${code} ${object.kind} ${object.namespace}/${object.name} ${field}`,
  );
  const table = await check([fileURLToPath(CORPUS)]);
  expect(table.code).toBe(json.code);
  const text = `${[...lines, ...others, ...report.remarks, table.out.trimEnd().split('\n').at(-1)].join('\n')}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(FILE, text);
  expect(readFileSync(FILE, 'utf8')).toBe(text);
  expect(report.unreadable).toEqual([]);
  // Whoever reads it has a terminal of 100 columns.
  // A word that is longer, such as a URL, is not broken: it may be copied.
  expect(table.out.split('\n').filter((line) => line.length > 100 && line.trim().includes(' '))).toEqual([]);
});
