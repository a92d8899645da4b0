/** Runs cases against http-proxy. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../support/case.ts';
import { baselineSubject } from './subject.ts';

/** The classes whose failures leave connections behind that are out of step: what comes next would suffer for them. */
const DESYNC = /^R3[23] /;
/** It does not answer some requests at all when the client has ended its side. Milliseconds; all else takes a few. */
const HANGS = 8000;

/** Throws what the case throws, or when it does not come to an end. */
async function within(check: Promise<void>): Promise<void> {
  check.catch(() => undefined);
  const over = new AbortController();
  const hangs = sleep(HANGS, undefined, { signal: over.signal }).then(
    () => assert.fail('no end'),
    () => undefined,
  );
  try {
    await Promise.race([check, hangs]);
  } finally {
    over.abort();
  }
}

/** Runs all cases in turn; resolves with the names of those that http-proxy fails, and of those that ended its process. */
export async function measure(cases: readonly Case[]): Promise<{ readonly failed: string[]; readonly died: string[] }> {
  const failed: string[] = [];
  const died: string[] = [];
  let subject = await baselineSubject();
  for (const { name, check } of cases) {
    try {
      await within(check(subject));
      continue;
    } catch {
      failed.push(name);
    }
    const dead = await subject.died();
    if (dead) died.push(name);
    if (!dead && !DESYNC.test(name)) continue;
    await subject.close();
    subject = await baselineSubject();
  }
  await subject.close();
  return { failed, died };
}
