/**
 * Every annotation that is honoured, or refused for good, has a `describe` of its name in this folder with at least four cases: the
 * default, a typical, an edge and an invalid value. What no policy reads yet is asked for with the policy that will.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';

const CASES = 4;
/** Bytes of the list of all cases. */
const MAX_LIST = 64 * 1024 ** 2;
/** These will never be honoured, and that is tested too. */
const REFUSED: ReadonlySet<string> = new Set([
  'enable-modsecurity',
  'enable-owasp-core-rules',
  'modsecurity-snippet',
  'modsecurity-transaction-id',
  'fastcgi-index',
  'fastcgi-params-configmap',
  'stream-snippet',
  'http2-push-preload',
]);
const asked = [...ANNOTATIONS].filter(([name, { kind }]) => kind === 'supported' || REFUSED.has(name)).map(([name]) => name);

/** Cases by the `describe` they stand in, however deep. */
const cases = new Map<string, number>();
beforeAll(() => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
  // Collected, not run; in one process, as only the names matter.
  const how = ['--no-static-parse', '--pool=threads', '--no-isolate', '--no-file-parallelism'];
  const args = [vitest, 'list', '--json', ...how, '--config', 'test/vitest.config.ts', 'test/annotations/'];
  const text = execFileSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: MAX_LIST,
  });
  for (const { name } of JSON.parse(text) as { name: string }[]) {
    for (const part of new Set(name.split(' > ').slice(0, -1))) cases.set(part, (cases.get(part) ?? 0) + 1);
  }
});

describe('the tests of annotations', () => {
  it('are found', () => {
    expect(cases.size).toBeGreaterThan(0);
  });

  it.each(asked)(`have at least ${CASES} cases for %s`, (name) => {
    expect(cases.get(name) ?? 0).toBeGreaterThanOrEqual(CASES);
  });
});
