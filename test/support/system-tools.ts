/** Tools of the operating system that some tests compare us with. They come from its packages, not from npm, and may be missing. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Whether the tool is installed. */
function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether tests that need the tool are skipped: not on CI, where it must be installed. */
export function skippedWithout(name: string): boolean {
  return !hasTool(name) && process.env['CI'] === undefined;
}

/** What the tool prints, given `input`. Rejects when it fails. */
export async function runTool(name: string, options: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)(name, [...options], { maxBuffer: 10_000_000 });
  running.child.stdin!.on('error', () => undefined).end(input);
  return (await running).stdout;
}
