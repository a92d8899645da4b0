/** What a level does to the fields of an answer, once the request is where it stays. */
import type { AddHeader, FieldSteps, InputHeader, MoreHeaders } from '../../../model/snippet.ts';
import type { Passage } from '../../acting.ts';
import { fieldValue } from '../../changes.ts';
import { compileText, type TextOf } from './values.ts';

interface MoreStep extends Omit<MoreHeaders, 'value'> {
  readonly lower: string;
  readonly text: TextOf | null;
}

interface AddStep extends Pick<AddHeader, 'name' | 'always'> {
  readonly text: TextOf;
  /** nginx knows these two, and has one of each. */
  readonly single: boolean;
}

interface InputStep extends Omit<InputHeader, 'value'> {
  readonly lower: string;
  readonly text: TextOf | null;
}

/** The fields that hold at a level: its own, and what it has of the level around it. */
export interface AnswerFields {
  readonly more: readonly MoreStep[];
  readonly add: readonly AddStep[];
  readonly expires: FieldSteps['expires'];
  readonly input: readonly InputStep[];
  readonly compressed: boolean;
}

/** Nothing. */
export const NO_FIELDS: AnswerFields = { more: [], add: [], expires: null, input: [], compressed: true };

/** Compiles the fields of a level within another: `more_…` adds to those around, `add_header` and `expires` take their place. */
export function levelFields(steps: FieldSteps, around: AnswerFields): AnswerFields {
  return {
    more: [
      ...around.more,
      ...steps.more.map((step) => ({
        ...step,
        lower: step.name.toLowerCase(),
        text: step.value === null ? null : compileText(step.value),
      })),
    ],
    add:
      steps.add === null
        ? around.add
        : steps.add.map(({ name, value, always }) => ({
            name,
            always,
            text: compileText(value),
            single: /^(?:etag|last-modified)$/i.test(name),
          })),
    expires: steps.expires ?? around.expires,
    input: [
      ...around.input,
      ...steps.input.map((step) => ({
        ...step,
        lower: step.name.toLowerCase(),
        text: step.value === null ? null : compileText(step.value),
      })),
    ],
    compressed: steps.compressed ?? around.compressed,
  };
}

/** The statuses that `add_header` without "always", and `expires`, are for (ngx_http_headers_filter). */
const ORDINARY: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/** Changes the fields of an answer. Which come first is the order of nginx's filters: headers-more, then expires and add_header. */
export function applyFields(fields: AnswerFields, passage: Passage, status: number): void {
  applyMoreFields(fields, passage, status);
  applyAddedFields(fields, passage, status);
}

/** The part of headers-more. */
export function applyMoreFields({ more }: AnswerFields, passage: Passage, status: number): void {
  for (const step of more) applyMore(step, passage, status);
}

/** The part behind it. */
export function applyAddedFields(fields: AnswerFields, passage: Passage, status: number): void {
  const { response } = passage;
  if (!fields.compressed) response.compressible = false;
  const ordinary = ORDINARY.has(status);
  if (ordinary && fields.expires !== null && fields.expires !== 'off') applyExpires(fields.expires, passage);
  for (const { name, text, always, single } of fields.add) {
    if (!ordinary && !always) continue;
    const value = text(passage);
    if (value === '') continue;
    if (single) response.set(name, value);
    else response.add(name, value);
  }
}

function applyMore({ name, lower, text, wildcard, statuses, types }: MoreStep, passage: Passage, status: number): void {
  if (statuses.length > 0 && !statuses.includes(status)) return;
  const { response } = passage;
  if (types.length > 0) {
    const type = passage.variable('sent_http_content_type').split(';', 1)[0]!.trim().toLowerCase();
    if (!types.includes(type)) return;
  }
  if (wildcard) response.removeBeginning(lower);
  else if (text === null) response.remove(name);
  else response.set(name, text(passage));
}

function applyExpires(expires: Exclude<FieldSteps['expires'], null | 'off'>, { response }: Passage): void {
  const [at, control] =
    expires === 'epoch'
      ? ['Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache']
      : expires === 'max'
        ? ['Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000']
        : [new Date(Date.now() + expires * 1000).toUTCString(), expires < 0 ? 'no-cache' : `max-age=${expires}`];
  response.set('Expires', at);
  response.set('Cache-Control', control);
}

/** Changes the client's fields: for the backend, and for whoever is asked, or asks, on the way there. */
export function applyInput(input: AnswerFields['input'], passage: Passage): void {
  const changed = (passage.rewriting.input ??= new Map<string, string>());
  for (const { name, lower, text, onlyPresent } of input) {
    if (onlyPresent && passage.field(lower) === '') continue;
    const value = text === null ? '' : fieldValue(text(passage));
    passage.upstream.set(name, value);
    changed.set(lower, value);
  }
}
