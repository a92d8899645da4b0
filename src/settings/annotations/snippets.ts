/** The keys about snippets, and what else is refused unless it is allowed. */
import { BOOLEAN, oneOf, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from '../keys/key.ts';

const WORDS: ValueType<readonly string[]> = {
  word: 'words',
  expected: 'words, separated by commas',
  parse: (value) =>
    value
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  format: (words) => words.join(','),
};

const TEXT: ValueType<string> = { word: 'text', expected: 'a text', parse: (value) => value, format: (value) => value };

const LEVELS = oneOf('Low', 'Medium', 'High', 'Critical');
/** In any case, as ingress-nginx takes it. */
const RISK: typeof LEVELS = {
  ...LEVELS,
  parse: (value) => LEVELS.parse(value.slice(0, 1).toUpperCase() + value.slice(1).toLowerCase()),
};

/** In the order of the documentation. */
export const SNIPPET_KEYS: readonly ConfigKey[] = [
  key(
    'allow-snippet-annotations',
    BOOLEAN,
    false,
    'Heed configuration-snippet, server-snippet and auth-snippet. Without it, Ingresses that have one are answered with 503.',
    (allowSnippetAnnotations) => ({ translate: { allowSnippetAnnotations } }),
  ),
  key(
    'annotations-risk-level',
    RISK,
    'High',
    'Ingresses with an annotation of a higher risk are answered with 503. Snippets are Critical.',
    (annotationsRiskLevel) => ({ translate: { annotationsRiskLevel } }),
  ),
  key(
    'annotation-value-word-blocklist',
    WORDS,
    [],
    'Ingresses with an annotation whose value holds one of these words are answered with 503.',
    (annotationValueWordBlocklist) => ({ translate: { annotationValueWordBlocklist } }),
  ),
  key(
    'server-snippet',
    TEXT,
    '',
    'Directives of nginx for every host, behind those of its own server-snippet. Those that are not known answer every request with 503.',
    (serverSnippet) => ({ translate: { serverSnippet } }),
  ),
  key(
    'location-snippet',
    TEXT,
    '',
    'Directives of nginx for every path, behind those of its own configuration-snippet. Those that are not known answer every request with 503.',
    (locationSnippet) => ({ translate: { locationSnippet } }),
  ),
  key(
    'enable-modsecurity',
    BOOLEAN,
    false,
    'There is no ModSecurity here: every request is answered with 503, unless --allow-unprotected=modsecurity.',
    (enableModsecurity) => ({ translate: { enableModsecurity } }),
  ),
  key(
    'enable-owasp-modsecurity-crs',
    BOOLEAN,
    false,
    'Without effect: its rules are those of ModSecurity, see enable-modsecurity.',
    () => ({}),
  ),
  key('modsecurity-snippet', TEXT, '', 'Without effect: see enable-modsecurity.', () => ({})),
];
