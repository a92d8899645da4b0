/** Runs cases against http-proxy. */
import type { Case } from '../support/case.ts';
import { baselineSubject } from './subject.ts';

/** The classes whose failures leave connections behind that are out of step: what comes next would suffer for them. */
const DESYNC = /^R3[2367] /;

/** Runs all cases in turn; resolves with the names of those that http-proxy fails, and of those that ended its process. */
export async function measure(cases: readonly Case[]): Promise<{ readonly failed: string[]; readonly died: string[] }> {
  const failed: string[] = [];
  const died: string[] = [];
  let subject = await baselineSubject();
  for (const { name, check } of cases) {
    try {
      await check(subject);
      continue;
    } catch {
      failed.push(name);
    }
    if (!subject.running()) died.push(name);
    if (subject.running() && !DESYNC.test(name)) continue;
    await subject.close();
    subject = await baselineSubject();
  }
  await subject.close();
  return { failed, died };
}
