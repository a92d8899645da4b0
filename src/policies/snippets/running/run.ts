/** Runs the directives of the rewrite phase, as src/http/ngx_http_script.c and ngx_http_rewrite_module.c do. */
import type { RewriteStep, SnippetCondition, SnippetPattern, SnippetText } from '../../../model/snippet.ts';
import type { Passage } from '../../acting.ts';
import type { Answer } from '../../answer.ts';
import { compileRegex, type UserRegex } from '../../../settings/values/regex.ts';
import { escapeQuery } from '../../rewriting.ts';
import { type AnswerFields, levelFields } from './apply.ts';
import { redirectTo, textAnswer, unescapeRedirect } from './answers.ts';
import { compileText, type TextOf, valueOf } from './values.ts';

/** Runs the directives of one level: an answer, or null when the request goes on. */
export type Run = (passage: Passage) => Answer | null;

/** What a directive comes to: an answer, the end of the directives, or (null) the next. */
type Step = (passage: Passage) => Answer | 'end' | null;

/** Compiles directives. `fields`: those of the level, for which an `if` has others. */
export function compileRewrite(steps: readonly RewriteStep[], fields: AnswerFields, defaultType: string): Run {
  const list = compileSteps(steps, fields, defaultType);
  return (passage) => {
    if (passage.rewriting.ended) return null;
    passage.rewriting.escapes = true;
    const result = runAll(list, passage);
    return result === 'end' ? null : result;
  };
}

function runAll(steps: readonly Step[], passage: Passage): ReturnType<Step> {
  for (const step of steps) {
    const result = step(passage);
    if (result !== null) return result;
  }
  return null;
}

function compileSteps(steps: readonly RewriteStep[], fields: AnswerFields, defaultType: string): Step[] {
  return steps.map((step) => compileStep(step, fields, defaultType));
}

function compileStep(step: RewriteStep, fields: AnswerFields, defaultType: string): Step {
  switch (step.op) {
    case 'set': {
      const text = compileEscaped(step.value, ({ rewriting }) => rewriting.escapes);
      const { variable } = step;
      if (variable === 'args') return (passage) => setQuery(passage, text(passage));
      return (passage) => {
        passage.rewriting.set(variable, text(passage));
        return null;
      };
    }
    case 'break':
      return ({ rewriting }) => {
        rewriting.ended = true;
        rewriting.changed = false;
        return 'end';
      };
    case 'return':
      return compileReturn(step.status, step.text, defaultType);
    case 'if': {
      const holds = compileCondition(step.condition);
      // In a location, the last "if" that held says what fields the answer has; its own come in place of those around.
      const own = step.fields === null ? null : levelFields(step.fields, fields);
      const inner = compileSteps(step.steps, own ?? fields, defaultType);
      return (passage) => {
        if (!holds(passage)) return null;
        if (own !== null) passage.rewriting.fields = own;
        return runAll(inner, passage);
      };
    }
    case 'rewrite':
      return compileRewriteStep(step);
  }
}

function setQuery({ rewriting }: Passage, query: string): null {
  rewriting.query = query;
  rewriting.rewritten = true;
  return null;
}

function regexOf({ pattern, ignoreCase }: SnippetPattern): UserRegex {
  const regex = compileRegex(pattern, ignoreCase);
  // Translation compiled it before.
  if (typeof regex === 'string') throw new Error(`a regular expression of a snippet is refused: ${regex}`);
  return regex;
}

/** The first match; its groups are what `$1` stands for from now on, and its named ones are variables. */
function search(regex: UserRegex, text: string, { rewriting }: Passage): boolean {
  const found = regex.exec(text);
  if (found === null) {
    rewriting.captures = [];
    return false;
  }
  rewriting.captures = found.groups.length > 1 ? found.groups : [];
  for (const [name, index] of regex.names) rewriting.set(name, found.groups[index] ?? '');
  return true;
}

function compileCondition(condition: SnippetCondition): (passage: Passage) => boolean {
  const { variable } = condition;
  switch (condition.kind) {
    case 'set':
      return (passage) => {
        const value = valueOf(variable, passage);
        return value !== '' && value !== '0';
      };
    case 'equal': {
      const { negated } = condition;
      const wanted = compileEscaped(condition.value, ({ rewriting }) => rewriting.escapes);
      return (passage) => (valueOf(variable, passage) === wanted(passage)) !== negated;
    }
    case 'match': {
      const { negated } = condition;
      const regex = regexOf(condition);
      return (passage) => search(regex, valueOf(variable, passage), passage) !== negated;
    }
  }
}

function compileReturn(status: number, text: SnippetText | null, defaultType: string): Step {
  const body: TextOf | null = text === null ? null : compileText(text);
  return (passage) => textAnswer(status, body === null ? null : body(passage), defaultType, passage);
}

/** A text into which captures go escaped, where the client's path had escapes: as of its decoded form, whatever they are of. */
function compileEscaped(text: SnippetText, escapes: (passage: Passage) => boolean = () => true): TextOf {
  const plain = compileText(text);
  if (!text.some((part) => typeof part !== 'string' && /^\d$/.test(part.variable))) return plain;
  return (passage) => {
    if (!/[%+]/.test(passage.request.rawPath) || !escapes(passage)) return plain(passage);
    let value = '';
    for (const part of text) {
      if (typeof part === 'string') value += part;
      else {
        const inserted = valueOf(part.variable, passage);
        value += /^\d$/.test(part.variable) ? escapeQuery(inserted) : inserted;
      }
    }
    return value;
  };
}

function compileRewriteStep(step: Extract<RewriteStep, { readonly op: 'rewrite' }>): Step {
  const { flag, keepsQuery } = step;
  const regex = regexOf(step);
  const redirects = typeof flag === 'number';
  const path = redirects ? compileEscaped(step.replacement) : compileText(step.replacement);
  const query = step.query === null ? null : compileEscaped(step.query);
  return (passage) => {
    const { rewriting } = passage;
    if (!search(regex, rewriting.path, passage)) return null;
    const kept = keepsQuery ? rewriting.query : '';
    const own = query === null ? null : query(passage);
    const target = path(passage);
    // nginx's `e->quote`, which holds until the first rewrite.
    rewriting.escapes = false;
    if (redirects) {
      const written = unescapeRedirect(own === null ? target : `${target}?${own}`);
      const joined = kept === '' ? written : `${written}${own === null ? '?' : '&'}${kept}`;
      return redirectTo(flag, joined, passage);
    }
    rewriting.path = target;
    rewriting.query = own === null || kept === '' ? (own ?? kept) : `${own}&${kept}`;
    rewriting.rewritten = true;
    rewriting.changed = flag !== 'break';
    if (flag === 'next') return null;
    rewriting.ended = true;
    return 'end';
  };
}
