/** `upstream-hash-by`, `upstream-hash-by-subset`, `upstream-hash-by-subset-size`: requests with the same key share endpoints. */
import type { HashBy } from '../../model/balancing.ts';
import { quote } from '../../model/report.ts';
import type { PolicyReader } from '../policy.ts';
import { parseInteger } from '../values.ts';
import { parseTemplate } from '../variables/template.ts';

/** `hashByRegex` of internal/ingress/annotations/upstreamhashby. */
const CHARACTERS = /^[A-Za-z0-9\-_${}]*$/;
const DEFAULT_SIZE = 3;
/** Of literal texts and variables: each costs something for each request. */
const MAX_PARTS = 64;
/** As a key it is as good as the text. */
const BINARY_ADDRESS = 'binary_remote_addr';
const SERVED = 'Endpoints are chosen as if it were absent.';

/** Null: nothing is asked for. */
export const hashBy: PolicyReader<HashBy | null> = {
  annotations: ['upstream-hash-by', 'upstream-hash-by-subset', 'upstream-hash-by-subset-size'],
  read: (source) => {
    const text = source.text('upstream-hash-by');
    const subset = source.bool('upstream-hash-by-subset', false);
    const sizeText = source.text('upstream-hash-by-subset-size');
    const size = sizeText === undefined ? 0 : parseInteger(sizeText);
    // ingress-nginx takes 0 for absent; below 0 it would have no subset at all.
    if (size === undefined || size < 0)
      source.invalid('upstream-hash-by-subset-size', 'a number from 1', `The default, ${DEFAULT_SIZE}, is used.`);
    if (text === undefined) return null;
    if (!CHARACTERS.test(text)) {
      source.invalid('upstream-hash-by', 'made of variables of nginx, letters, digits, "-" and "_"', SERVED);
      return null;
    }
    const parsed = parseTemplate(text, (name) => name === BINARY_ADDRESS);
    if ('unknown' in parsed) {
      const message = `upstream-hash-by: ${quote(`$${parsed.unknown}`)} is no variable that is known here`;
      source.report('AnnotationInvalid', 'warning', 'upstream-hash-by', message, SERVED);
      return null;
    }
    if (parsed.template.length > MAX_PARTS) {
      source.invalid('upstream-hash-by', `of at most ${MAX_PARTS} parts`, SERVED);
      return null;
    }
    const key = parsed.template.map((part) =>
      typeof part !== 'string' && part.variable === BINARY_ADDRESS ? { variable: 'remote_addr' } : part,
    );
    return { key, subsetSize: subset ? (size === undefined || size <= 0 ? DEFAULT_SIZE : size) : null };
  },
};
