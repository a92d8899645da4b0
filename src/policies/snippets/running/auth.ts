/** An auth-snippet at work: what it changes in the request to an authentication service, or decides in its place. */
import type { AuthSnippet, AuthVariable } from '../../../model/snippet.ts';
import type { Passage } from '../../acting.ts';
import { fieldValue } from '../../changes.ts';
import { NO_FIELDS } from './apply.ts';
import { compileRewrite } from './run.ts';
import { compileText, setCookieOf, valueOf } from './values.ts';

/** Compiled once per change of the route. */
export interface AuthSnippetSteps {
  /** The status that `return` answers in place of the service: it then counts as the service's. Null: the service is asked. */
  readonly decides: (passage: Passage) => number | null;
  /** The fields that the service gets in place of the client's, in order; empty: it gets none of that name. */
  readonly fields: (passage: Passage) => readonly (readonly [name: string, value: string])[];
  /** Null: as `auth-method` says. */
  readonly method: string | null;
}

/** Compiles it. */
export function compileAuthSnippet({ rewrite, proxyHeaders, method }: AuthSnippet): AuthSnippetSteps {
  const run = compileRewrite(rewrite, NO_FIELDS, 'text/html');
  const headers = proxyHeaders.map(({ name, value }) => [name, compileText(value)] as const);
  return {
    method,
    decides: (passage) => {
      const { rewriting } = passage;
      // It is a request of its own: of what the directives do, only variables are the client's request's too.
      const { ended, query, rewritten, captures, escapes } = rewriting;
      rewriting.ended = false;
      const answer = run(passage);
      Object.assign(rewriting, { ended, query, rewritten, captures, escapes });
      return answer?.status ?? null;
    },
    fields: (passage) => headers.map(([name, text]) => [name, fieldValue(text(passage))]),
  };
}

/** `auth_request_set` of a route: which fields of the service's answer it needs, and how its variables get their values. */
export interface AuthVariableSteps {
  /** In lower case. */
  readonly names: readonly string[];
  /** `field`: the value of a field of the answer, by its name in lower case. */
  readonly set: (passage: Passage, field: (lower: string) => string) => void;
}

const OF_ANSWER = /^upstream_(?:http_(.+)|(cookie)_.+)$/;

function fieldOf(variable: string): string | null {
  const found = OF_ANSWER.exec(variable);
  if (found === null) return null;
  return found[2] === undefined ? found[1]!.replaceAll('_', '-') : 'set-cookie';
}

/** Compiles it; null: there is none. */
export function compileAuthVariables(variables: readonly AuthVariable[]): AuthVariableSteps | null {
  if (variables.length === 0) return null;
  const parts = variables.flatMap(({ value }) => value).filter((part) => typeof part !== 'string');
  const names = new Set(parts.map(({ variable }) => fieldOf(variable)).filter((name) => name !== null));
  return {
    names: [...names],
    set: (passage, field) => {
      for (const { variable, value } of variables) {
        let text = '';
        for (const part of value) text += typeof part === 'string' ? part : answerValue(part.variable, passage, field);
        passage.rewriting.set(variable, text);
      }
    },
  };
}

function answerValue(variable: string, passage: Passage, field: (lower: string) => string): string {
  const name = fieldOf(variable);
  if (name === null) return valueOf(variable, passage);
  return name === 'set-cookie' && !variable.startsWith('upstream_http_')
    ? setCookieOf(field(name), variable.slice('upstream_cookie_'.length))
    : field(name);
}
