/** `sluice check` as a process of its own: stdin, stdout and the exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import * as objects from '../../support/manifests.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** Runs it with this stdin; `enough`: the reader goes away after its first bytes. */
async function run(
  argv: readonly string[],
  stdin: string,
  enough = false,
): Promise<{ code: unknown; out: string; error: string }> {
  const child = spawn(process.execPath, [MAIN, 'check', ...argv], { stdio: 'pipe' });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (enough) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [unknown];
  return { code, out, error };
}

const many = Array.from({ length: 3000 }, (_, index) => objects.ingress(`web-${index}`, `h${index}.example Prefix / app`));
const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: many });

it('writes all of a long report into a pipe', async () => {
  const { code, out, error } = await run(['-', '--output=json'], stdin);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect((JSON.parse(out) as { summary: unknown }).summary).toMatchObject({ ingresses: 3000, identical: 3000 });
});

it('ends quietly when its reader has enough', async () => {
  expect(await run(['-', '--output=json'], stdin, true)).toMatchObject({ code: 0, error: '' });
});

it('says on stderr what is wrong with the command line, and exits with 3', async () => {
  expect(await run(['--nonsense'], '')).toMatchObject({
    code: 3,
    out: '',
    error: expect.stringMatching(/^sluice: unknown flag --nonsense;/u),
  });
});
