/** What nginx's access phase is made of: checks that let a request in, refuse it, or have no opinion. */
import type { Answer } from '../answer.ts';
import type { Passage, PENDING } from '../acting.ts';

/** The check is content: with `satisfy: any` no other is asked. */
export const GRANTED = Symbol('granted');

/** Null: no opinion. An answer refuses; 401 and 403 leave the word to others with `satisfy: any`, all else does not. */
export type Verdict = typeof GRANTED | Answer | null;

/** `decided` is called once, later, after PENDING was returned, and never otherwise. */
export type Check = (passage: Passage, decided: (verdict: Verdict) => void) => Verdict | typeof PENDING;
