/** Reads the directives of the rewrite phase: `set`, `if`, `return`, `rewrite`, `break` (ngx_http_rewrite_module.c). */
import type { FieldSteps, RewriteStep, SnippetCondition } from '../../../model/snippet.ts';
import { argumentsOf, shown, type SnippetContext } from './context.ts';
import { type Directive, SnippetError } from './tokens.ts';

/** Reads the block of an `if`. */
export type ReadBlock = (block: readonly Directive[]) => {
  readonly steps: readonly RewriteStep[];
  readonly fields: FieldSteps | null;
};

/** Reads one of these directives; undefined: it is none. `readBlock`: undefined inside an `if`, which may not hold another. */
export function readRewriteStep(
  directive: Directive,
  context: SnippetContext,
  readBlock: ReadBlock | undefined,
): RewriteStep | undefined {
  const { line } = directive;
  switch (directive.name) {
    case 'set': {
      const [variable, value] = argumentsOf(directive, 2) as [string, string];
      // The value first: it cannot use what is being defined, but nginx does not mind, as the variable exists.
      return { op: 'set', variable: context.define(variable, line), value: context.text(value, line) };
    }
    case 'break':
      argumentsOf(directive, 0);
      return { op: 'break' };
    case 'return':
      return readReturn(directive, context);
    case 'rewrite':
      return readRewrite(directive, context);
    case 'if': {
      if (readBlock === undefined) throw new SnippetError(line, 'an "if" within an "if" is nothing that nginx has');
      if (directive.block === null) throw new SnippetError(line, 'if has no block');
      const condition = readCondition(directive, context);
      const { steps, fields } = readBlock(directive.block);
      return { op: 'if', condition, steps, fields };
    }
    default:
      return undefined;
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const ABSOLUTE = /^(?:https?:\/\/|\$scheme)/;

function readReturn(directive: Directive, context: SnippetContext): RewriteStep {
  const { line } = directive;
  const [first, text] = argumentsOf(directive, 1, 2) as [string, string | undefined];
  if (!/^\d+$/.test(first)) {
    if (text !== undefined || !ABSOLUTE.test(first)) throw new SnippetError(line, `${shown(first)} is no status`);
    return { op: 'return', status: 302, text: context.text(first, line) };
  }
  const status = Number(first);
  // 494 to 499 are nginx's own, and are answered as something else.
  if (status < 200 || status > 599 || (status > 493 && status < 500)) {
    throw new SnippetError(line, `${shown(first)} is no status that can be returned`);
  }
  if (status === 444 && text !== undefined) throw new SnippetError(line, 'return 444 sends nothing, so it has no text');
  return { op: 'return', status, text: text === undefined || text === '' ? null : context.text(text, line) };
}

/** Whether `return` with this status sends its text as Location. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

const FLAGS = new Map<string, 'last' | 'break' | 301 | 302>([
  ['last', 'last'],
  ['break', 'break'],
  ['redirect', 302],
  ['permanent', 301],
]);

function readRewrite(directive: Directive, context: SnippetContext): RewriteStep {
  const { line } = directive;
  const [pattern, target, flagText] = argumentsOf(directive, 2, 3) as [string, string, string | undefined];
  const named = flagText === undefined ? 'next' : FLAGS.get(flagText);
  if (named === undefined) throw new SnippetError(line, `${shown(flagText!)} is no flag of rewrite`);
  // As nginx: an absolute target is a redirect, whatever the flag says but "permanent".
  const flag = ABSOLUTE.test(target) && typeof named !== 'number' ? 302 : named;
  const keepsQuery = !target.endsWith('?');
  const rest = keepsQuery ? target : target.slice(0, -1);
  const mark = rest.indexOf('?');
  const [path, query] = mark < 0 ? [rest, null] : [rest.slice(0, mark), rest.slice(mark + 1)];
  if (path === '') throw new SnippetError(line, 'rewrite has an empty replacement');
  return {
    op: 'rewrite',
    ...context.pattern(pattern, false, line),
    replacement: context.text(path, line),
    query: query === null ? null : context.text(query, line),
    keepsQuery,
    flag,
  };
}

/** `(` and `)` may stand alone or be part of the first and last word. */
function readCondition({ args, line }: Directive, context: SnippetContext): SnippetCondition {
  const words = [...args];
  const invalid = (): SnippetError => new SnippetError(line, `${shown(args.join(' '))} is no condition`);
  if (words[0]?.startsWith('(') !== true) throw invalid();
  words[0] = words[0].slice(1);
  const last = words.length - 1;
  if (!words[last]!.endsWith(')')) throw invalid();
  words[last] = words[last]!.slice(0, -1);
  if (words[0] === '') words.shift();
  // An empty text in quotation marks is a word, but never the last before ")".
  if (words.length > 0 && words.at(-1) === '' && args.at(-1) === ')') words.pop();
  const [subject, operator, value] = words;
  if (subject !== undefined && /^!?-[fdex]$/.test(subject)) {
    throw new SnippetError(line, `${shown(subject)} asks for a file, and there are none here`);
  }
  if (subject === undefined || subject.length < 2 || !subject.startsWith('$')) throw invalid();
  const variable = context.variable(subject, line);
  if (words.length === 1) return { kind: 'set', variable };
  if (words.length !== 3 || operator === undefined || value === undefined) throw invalid();
  const negated = operator.startsWith('!');
  switch (operator) {
    case '=':
    case '!=':
      return { kind: 'equal', variable, negated, value: context.text(value, line) };
    case '~':
    case '!~':
      return { kind: 'match', variable, negated, ...context.pattern(value, false, line) };
    case '~*':
    case '!~*':
      return { kind: 'match', variable, negated, ...context.pattern(value, true, line) };
    default:
      throw invalid();
  }
}
