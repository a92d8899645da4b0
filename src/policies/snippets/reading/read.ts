/**
 * `configuration-snippet`, `server-snippet`, `auth-snippet`, and the ConfigMap's `server-snippet` and `location-snippet`: programs of a
 * closed set of nginx's directives. A snippet may hold rules of access, so one that is not allowed or not understood denies.
 */
import type { AuthSnippet, RouteSnippets, SnippetLevel, SnippetServer } from '../../../model/snippet.ts';
import type { TranslateSettings } from '../../../settings/translate-settings.ts';
import { type AnnotationSource, DENIED, DENIED_HOSTS, DENIED_NAMESPACE, type RoutePolicy } from '../../policy.ts';
import type { SnippetNote } from './context.ts';
import { joinLevels } from './join.ts';
import { parseAuthSnippet, type Parsed, parseLocationSnippet, parseServerSnippet } from './parse.ts';

/** What the snippets of an Ingress, and those of the ConfigMap, ask for. */
export interface SnippetsWish {
  readonly route: RouteSnippets;
  /** Of all its hosts, unless an older Ingress has one. */
  readonly server: SnippetServer | null;
}

/** What the ConfigMap says for every host and path. */
interface CommonSnippets {
  readonly server: SnippetServer | null;
  readonly location: SnippetLevel | null;
  /** Of the request to the service of `global-auth-url`. */
  readonly auth: AuthSnippet | null;
  readonly defined: ReadonlySet<string>;
  readonly used: ReadonlyMap<string, number>;
  /** Why nothing is served; null: nothing is wrong. */
  readonly problem: string | null;
}

const common = new WeakMap<TranslateSettings, CommonSnippets>();

/** What the ConfigMap says, read once for each version of the settings. */
export function commonSnippets(settings: TranslateSettings): CommonSnippets {
  let read = common.get(settings);
  if (read === undefined) common.set(settings, (read = readCommon(settings)));
  return read;
}

function readCommon({ serverSnippet, locationSnippet, globalAuthSnippet }: TranslateSettings): CommonSnippets {
  const server = serverSnippet === '' ? null : parseServerSnippet(serverSnippet);
  const location = locationSnippet === '' ? null : parseLocationSnippet(locationSnippet);
  const auth = globalAuthSnippet === '' ? null : parseAuthSnippet(globalAuthSnippet);
  const defined = new Set<string>();
  const used = new Map<string, number>();
  let problem: string | null = null;
  for (const [name, parsed] of [
    ['server-snippet', server],
    ['location-snippet', location],
    ['global-auth-snippet', auth],
  ] as const) {
    if (parsed === null) continue;
    if ('problem' in parsed) problem ??= `the ConfigMap's ${name}, line ${parsed.problem.line}: ${parsed.problem.message}`;
    else {
      for (const variable of parsed.defined) defined.add(variable);
      for (const [variable, line] of parsed.used) used.set(variable, line);
    }
  }
  return { server: programOf(server), location: programOf(location), auth: programOf(auth), defined, used, problem };
}

function programOf<Program>(parsed: Parsed<Program> | null): Program | null {
  return parsed === null || 'problem' in parsed ? null : parsed.program;
}

/** The annotations, in the order in which variables are looked for. */
const NAMES = ['server-snippet', 'configuration-snippet', 'auth-snippet'] as const;

export const snippets: RoutePolicy<RouteSnippets, SnippetsWish> = {
  annotations: NAMES,
  read: (source, settings) => {
    const shared = commonSnippets(settings);
    const given = givenSnippets(source);
    if (given.length > 0 && !isAllowed(source, settings, given)) return undefined;
    const grpc = /^grpcs?$/i.test(source.text('backend-protocol') ?? '');
    const own = {
      server: readOne(source, given, 'server-snippet', parseServerSnippet),
      location: readOne(source, given, 'configuration-snippet', (text) => parseLocationSnippet(text, grpc)),
      auth: readOne(source, given, 'auth-snippet', parseAuthSnippet),
    };
    if (source.text('satisfy')?.toLowerCase() === 'any' && hasAccess(programOf(own.location), shared.location)) {
      refuse(source, 'configuration-snippet', 'allow and deny in a snippet cannot be had beside satisfy: any');
    }
    if (shared.problem !== null) refuse(source, 'location-snippet', shared.problem);
    checkVariables(source, shared, own);
    const server = programOf(own.server);
    // It belongs to the service that is asked: the Ingress's own, or that of the ConfigMap.
    const auth = source.value('auth-url') === undefined ? shared.auth : programOf(own.auth);
    const route = { location: joinLevels(programOf(own.location), shared.location), auth };
    return server === null && route.location === null && route.auth === null ? undefined : { route, server };
  },
  resolve: ({ route }) => (route.location === null && route.auth === null ? undefined : route),
};

/** The same two switches as in ingress-nginx. */
function isAllowed(source: AnnotationSource, settings: TranslateSettings, given: readonly string[]): boolean {
  const missing = [
    ...(settings.allowSnippetAnnotations ? [] : ['allow-snippet-annotations: "true"']),
    ...(settings.annotationsRiskLevel === 'Critical' ? [] : ['annotations-risk-level: Critical']),
  ];
  for (const name of given) {
    if (missing.length === 0) break;
    refuse(source, name, `${name} is not allowed: the ConfigMap does not say ${missing.join(', nor ')}`, 'SnippetForbidden');
  }
  return missing.length === 0;
}

/** Those that are there, and do anything: an auth-snippet is for auth-url. */
function givenSnippets(source: AnnotationSource): readonly string[] {
  return NAMES.filter((name) => {
    const value = source.value(name);
    if (value === undefined || value === null || (typeof value === 'string' && value.trim() === '')) return false;
    if (name !== 'auth-snippet' || source.value('auth-url') !== undefined) return true;
    source.report(
      'SnippetWithoutEffect',
      'warning',
      name,
      'auth-snippet is for auth-url, and there is none',
      'It has no effect, as in ingress-nginx.',
    );
    return false;
  });
}

function hasAccess(...levels: readonly (SnippetLevel | null)[]): boolean {
  return levels.some((level) => level !== null && level.access.length > 0);
}

/** A server-snippet holds for all of its hosts, whoever has a part in them. */
function refuse(
  source: AnnotationSource,
  name: string,
  message: string,
  code: 'SnippetInvalid' | 'SnippetForbidden' = 'SnippetInvalid',
): void {
  if (name !== 'server-snippet') {
    source.denyFor('ingress');
    return source.report(code, 'error', name, message, DENIED);
  }
  // Who may have no snippets must not be able to close the hosts of other namespaces with one.
  const forbidden = code === 'SnippetForbidden';
  source.denyFor(forbidden ? 'namespace' : 'hosts');
  source.report(code, 'error', name, message, forbidden ? DENIED_NAMESPACE : DENIED_HOSTS);
}

function readOne<Program>(
  source: AnnotationSource,
  given: readonly string[],
  name: (typeof NAMES)[number],
  parse: (text: string) => Parsed<Program>,
): Parsed<Program> | null {
  if (!given.includes(name)) return null;
  const value = source.value(name);
  if (typeof value !== 'string') {
    refuse(source, name, `${name} is not a text`);
    return null;
  }
  const parsed = parse(value);
  if ('problem' in parsed) refuse(source, name, `${name}, line ${parsed.problem.line}: ${parsed.problem.message}`);
  else for (const note of parsed.notes.slice(0, MAX_NOTES)) reportNote(source, name, note);
  return parsed;
}

/** Each becomes an Event. */
const MAX_NOTES = 10;

function reportNote(source: AnnotationSource, name: string, { line, message }: SnippetNote): void {
  const served = 'The rest of the snippet is heeded.';
  source.report('SnippetWithoutEffect', 'warning', name, `${name}, line ${line}: ${message}`, served);
}

/** A variable that no snippet gives a value, nor nginx, is an error to nginx. */
function checkVariables(
  source: AnnotationSource,
  shared: CommonSnippets,
  own: { readonly [name: string]: Parsed<unknown> | null },
): void {
  const read = Object.entries(own).flatMap(([name, parsed]) =>
    parsed === null || 'problem' in parsed ? [] : [[name, parsed] as const],
  );
  const defined = new Set([...shared.defined, ...read.flatMap(([, parsed]) => [...parsed.defined])]);
  const unknown = (used: ReadonlyMap<string, number>): [string, number] | undefined =>
    [...used].find(([variable]) => !defined.has(variable));
  for (const [name, parsed] of read) {
    const found = unknown(parsed.used);
    if (found === undefined) continue;
    const annotation = name === 'location' ? 'configuration-snippet' : `${name}-snippet`;
    refuse(source, annotation, `${annotation}, line ${found[1]}: ${unknownVariable(found[0])}`);
  }
  const found = unknown(shared.used);
  if (found !== undefined)
    refuse(source, 'location-snippet', `the snippets of the ConfigMap, line ${found[1]}: ${unknownVariable(found[0])}`);
}

function unknownVariable(name: string): string {
  return `there is no variable $${name.slice(0, 60)}, and no snippet of the Ingress sets one`;
}
