/** `sluice check` in this process, for tests: what it writes, and its exit code. */
import { runCheck } from '../../src/commands/check.ts';

/** What a check came to. */
export interface CheckOutput {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

interface CheckOptions {
  readonly stdin?: string;
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs it. */
export async function check(
  argv: readonly string[],
  { stdin = '', terminal = false, env = {} }: CheckOptions = {},
): Promise<CheckOutput> {
  let out = '';
  let error = '';
  const code = await runCheck(argv, env, {
    out: (text) => {
      out += text;
      return Promise.resolve();
    },
    error: (text) => (error += text),
    readStdin: () => Promise.resolve(stdin),
    terminal,
  });
  return { code, out, error };
}

/** A finding in the JSON. */
export interface JsonFinding {
  readonly code: string;
  readonly severity: string;
  readonly alike: boolean;
  readonly field: string;
  readonly message: string;
  readonly served: string;
  readonly advice: string;
}

/** The JSON, version 1. */
export interface JsonReport {
  readonly version: number;
  readonly exitCode: number;
  readonly summary: { readonly ingresses: number; readonly identical: number; readonly notes: number; readonly denied: number };
  readonly ingresses: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly class: string;
    readonly hosts: readonly string[];
    readonly verdict: 'identical' | 'notes' | 'denied';
    readonly honoured: readonly string[];
    readonly findings: readonly JsonFinding[];
  }[];
  readonly others: readonly (JsonFinding & {
    readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  })[];
  readonly annotations: readonly {
    readonly name: string;
    readonly ingresses: number;
    readonly withFindings: number;
    readonly treatment: string;
  }[];
  readonly remarks: readonly string[];
  readonly unreadable: readonly string[];
}

/** Checks objects as JSON from stdin. */
export async function checkObjects(
  objects: readonly object[],
  argv: readonly string[] = [],
): Promise<{ readonly report: JsonReport; readonly code: number }> {
  const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { code, out, error } = await check(['-', '--output=json', ...argv], { stdin });
  if (error !== '') throw new Error(error);
  return { report: JSON.parse(out) as JsonReport, code };
}
