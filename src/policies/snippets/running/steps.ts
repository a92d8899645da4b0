/** The acting half of snippets: what their levels do in each phase. */
import type { SnippetLevel, SnippetLocation, SnippetServer } from '../../../model/snippet.ts';
import type { Route, VirtualHost } from '../../../model/table.ts';
import type { Passage, RequestStep, ResponseStep } from '../../acting.ts';
import { page } from '../../answer.ts';
import { fieldValue } from '../../changes.ts';
import { compileRegex, type UserRegex } from '../../../settings/values/regex.ts';
import type { Rewriting } from '../../rewriting.ts';
import {
  type AnswerFields,
  applyAddedFields,
  applyFields,
  applyInput,
  applyMoreFields,
  levelFields,
  NO_FIELDS,
} from './apply.ts';
import { compileAccess } from './access.ts';
import { OWN_FIELDS } from '../reading/fields.ts';
import { compileRewrite, type Run } from './run.ts';
import { compileText } from './values.ts';

/** What of a virtual host the steps of its routes need. */
export type SnippetHost = Pick<VirtualHost, 'snippet'>;

/** nginx's `default_type` in ingress-nginx. */
const DEFAULT_TYPE = 'text/html';

/** The level of the server as its locations see it. */
const servers = new WeakMap<SnippetServer, AnswerFields>();

function serverFields(server: SnippetServer | undefined): AnswerFields {
  if (server === undefined) return NO_FIELDS;
  let fields = servers.get(server);
  if (fields === undefined) servers.set(server, (fields = levelFields(server.level.fields, NO_FIELDS)));
  return fields;
}

function defaultTypeOf(server: SnippetServer | undefined, level: SnippetLevel | null | undefined): string {
  return level?.defaultType ?? server?.level.defaultType ?? DEFAULT_TYPE;
}

/** Server rewrite phase: the rewrite directives of the server. */
export function serverSnippetStep(_route: Route, { snippet }: SnippetHost): RequestStep | null {
  if (snippet === undefined || snippet.level.rewrite.length === 0) return null;
  const fields = serverFields(snippet);
  const run = compileRewrite(snippet.level.rewrite, fields, defaultTypeOf(snippet, null));
  return (passage) => {
    const answer = run(passage);
    // What ends the directives of the server does not end those of its locations.
    passage.rewriting.ended = false;
    if (answer !== null) applyFields(fields, passage, answer.status);
    return answer;
  };
}

interface OwnLocation {
  readonly match: SnippetLocation['match'];
  /** Whether the path is one of it, or begins with its own, or the pattern matches, whose groups are then `$1` and so on. */
  readonly takes: (path: string, rewriting: Rewriting) => boolean;
  readonly run: Run;
  readonly fields: AnswerFields;
  readonly denies: (address: string) => boolean;
}

/**
 * The locations of a server-snippet, beside the one that was found: as nginx, an exact one, then the longest prefix, then regular
 * expressions in the order of the text. What they do not answer themselves is a file that is not there.
 */
export function ownLocationsStep(route: Route, { snippet }: SnippetHost): RequestStep | null {
  if (snippet === undefined || snippet.locations.length === 0) return null;
  const locations = snippet.locations.map((location) => compileLocation(location, snippet));
  return (passage) => {
    const { rewriting } = passage;
    const own = findOwn(locations, rewriting, route);
    if (own === null) return null;
    rewriting.fields = own.fields;
    let answer = own.run(passage);
    if (answer === null) {
      if (rewriting.changed) return null;
      answer = own.denies(passage.client.address) ? page(403) : page(404);
    }
    applyFields(rewriting.fields ?? own.fields, passage, answer.status);
    return answer;
  };
}

function compileLocation({ match, level }: SnippetLocation, server: SnippetServer): OwnLocation {
  const fields = levelFields(level.fields, serverFields(server));
  const access = level.access.length > 0 ? level.access : server.level.access;
  const path = match.kind === 'pattern' ? '' : match.path;
  const regex = match.kind === 'pattern' ? compileRegex(match.pattern, match.ignoreCase) : '';
  return {
    match,
    takes:
      typeof regex === 'string' ? (text) => (match.kind === 'exact' ? text === path : text.startsWith(path)) : matches(regex),
    run: compileRewrite(level.rewrite, fields, defaultTypeOf(server, level)),
    fields,
    denies: compileAccess(access),
  };
}

function matches(regex: UserRegex): OwnLocation['takes'] {
  return (path, rewriting) => {
    const found = regex.exec(path);
    if (found === null) return false;
    rewriting.captures = found.groups.length > 1 ? found.groups : [];
    for (const [name, index] of regex.names) rewriting.set(name, found.groups[index] ?? '');
    return true;
  };
}

/** `route`: where the request goes otherwise; one of these must beat it. */
function findOwn(locations: readonly OwnLocation[], rewriting: Rewriting, route: Route): OwnLocation | null {
  const { path } = rewriting;
  let best: OwnLocation | null = null;
  for (const own of locations) {
    if (own.match.kind === 'exact' && own.takes(path, rewriting)) return own;
    if (own.match.kind === 'pattern' || own.match.kind === 'exact' || !own.takes(path, rewriting)) continue;
    if (best === null || lengthOf(own) > lengthOf(best)) best = own;
  }
  const { exact, prefix } = route.match;
  if (exact !== null && exact !== prefix && bytes(exact) === path) return null;
  // The same path twice is an error to nginx; here what somebody wrote by hand wins.
  const beaten = best === null || lengthOf(best) < bytes(prefix ?? '').length ? null : best;
  if (beaten?.match.kind === 'stops') return beaten;
  return locations.find(({ match, takes }) => match.kind === 'pattern' && takes(path, rewriting)) ?? beaten;
}

function lengthOf({ match }: OwnLocation): number {
  return match.kind === 'pattern' ? 0 : match.path.length;
}

function bytes(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}

/** What snippets of a route come to. */
interface LocationLevel {
  readonly fields: AnswerFields;
  readonly level: SnippetLevel | null;
  readonly server: SnippetServer | undefined;
}

function locationLevel({ policies }: Route, { snippet: server }: SnippetHost): LocationLevel | null {
  const level = policies.snippets?.location ?? null;
  if (level === null && server === undefined) return null;
  const around = serverFields(server);
  return { level, server, fields: level === null ? around : levelFields(level.fields, around) };
}

/** At the beginning of the location: what fields its answers have, unless an `if` changes that. */
export function locationFieldsStep(route: Route, host: SnippetHost): RequestStep | null {
  const found = locationLevel(route, host);
  if (found === null) return null;
  return ({ rewriting }) => {
    rewriting.fields = found.fields;
    return null;
  };
}

/** Rewrite phase: the rewrite directives of the location. */
export function configurationSnippetStep(route: Route, host: SnippetHost): RequestStep | null {
  const found = locationLevel(route, host);
  if (found === null || found.level === null || found.level.rewrite.length === 0) return null;
  return compileRewrite(found.level.rewrite, found.fields, defaultTypeOf(found.server, found.level));
}

/** The end of the rewrite phase: `more_set_input_headers`. */
export function inputHeadersStep(route: Route, host: SnippetHost): RequestStep | null {
  if (locationLevel(route, host) === null) return null;
  return (passage) => {
    const { fields } = passage.rewriting;
    if (fields !== null && fields.input.length > 0) applyInput(fields.input, passage);
    return null;
  };
}

/** Access phase: `allow` and `deny`. */
export function snippetAccessStep({ policies }: Route, { snippet }: SnippetHost): RequestStep | null {
  const own = policies.snippets?.location?.access ?? [];
  const rules = own.length > 0 ? own : (snippet?.level.access ?? []);
  if (rules.length === 0) return null;
  const denies = compileAccess(rules);
  return ({ client }) => (denies(client.address) ? page(403) : null);
}

/** What the backend gets: `proxy_set_header`, `proxy_method`. */
export function snippetProxyStep({ policies }: Route, { snippet }: SnippetHost): RequestStep | null {
  const level = policies.snippets?.location;
  const method = level?.method ?? snippet?.level.method ?? null;
  const headers = (level?.proxyHeaders ?? []).map(({ name, value }, index, all) => {
    const lower = name.toLowerCase();
    const again = all.findIndex((other) => other.name.toLowerCase() === lower) < index;
    return { name, lower, again, text: compileText(value) };
  });
  if (method === null && headers.length === 0) return null;
  return (passage) => {
    // A body would come where the client waits for none.
    if (method !== null && passage.request.method !== 'HEAD') passage.upstream.method = method;
    for (const { name, lower, again, text } of headers) setProxyHeader(passage.upstream, name, lower, again, text(passage));
    return null;
  };
}

/** A field that Sluice sends too is there twice, as with ingress-nginx, whose own `proxy_set_header` comes first; Host never is. */
function setProxyHeader(upstream: Passage['upstream'], name: string, lower: string, again: boolean, value: string): void {
  if (lower === 'host') {
    const host = fieldValue(value);
    if (host !== '') upstream.host = host;
  } else if (again || OWN_FIELDS.has(lower)) upstream.add(name, value);
  else upstream.set(name, value);
}

/** On the way out: `proxy_hide_header`, and what `more_set_headers` and `more_clear_headers` do. */
export function snippetMoreStep(route: Route, host: SnippetHost): ResponseStep | null {
  const found = locationLevel(route, host);
  if (found === null) return null;
  const own = found.level?.hidden ?? [];
  const hidden = own.length > 0 ? own : (found.server?.level.hidden ?? []);
  return (passage, status, ours) => {
    if (!ours) for (const name of hidden) passage.response.hide(name);
    applyMoreFields(passage.rewriting.fields ?? found.fields, passage, status);
  };
}

/** Behind everything else that sets fields: `add_header`, `expires`. */
export function snippetAddStep(route: Route, host: SnippetHost): ResponseStep | null {
  const found = locationLevel(route, host);
  if (found === null) return null;
  return (passage, status) => applyAddedFields(passage.rewriting.fields ?? found.fields, passage, status);
}
