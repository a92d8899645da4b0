/** The request to an authentication service: the client's, without its body, and with what ingress-nginx's template adds (nginx.tmpl). */
import { isIP } from 'node:net';
import { coversHost } from '../../model/covers-host.ts';
import type { ExternalAuth } from '../../model/policies.ts';
import type { Passage } from '../acting.ts';
import { fieldValue, isChangeable } from '../changes.ts';
import type { AuthSnippetSteps } from '../snippets/running/auth.ts';
import type { Subrequest } from '../subrequest.ts';
import { expand } from '../variables/template.ts';

/** Who asks, as services know it. */
export const SENT_FROM = 'nginx-ingress-controller';

const AUTHORITY = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
/** Of the body, which stays here, and what nginx clears. */
const LEFT_OUT = ['host', 'content-length', 'transfer-encoding', 'te', 'trailer', 'x-forwarded-proto'];
/** What nginx clears beside that where the answer may be kept: it is to be the whole one (ngx_http_proxy_cache_headers). */
const CONDITIONS = ['if-modified-since', 'if-unmodified-since', 'if-none-match', 'if-match', 'range', 'if-range'];

/** Compiles it. What is made returns null where the variables make no request. `snippet`: the auth-snippet; null: there is none. */
export function authRequest(auth: ExternalAuth, snippet: AuthSnippetSteps | null): (passage: Passage) => Subrequest | null {
  const { tls, keepAlive } = auth;
  const method = snippet?.method ?? auth.method ?? 'GET';
  const leftOut = auth.cache === null ? LEFT_OUT : [...LEFT_OUT, ...CONDITIONS];
  const closing = keepAlive?.connections === 0;
  return (passage) => {
    if (auth.names !== undefined && !coversHost(auth.names, passage.variable('host'))) return null;
    const parts = AUTHORITY.exec(expand(auth.authority, passage));
    if (parts === null) return null;
    const host = parts[1]!.replace(/^\[|\]$/g, '');
    const port = parts[2] === undefined ? (tls ? 443 : 80) : Number(parts[2]);
    if (port === 0 || port > 65_535) return null;
    const target = targetOf(auth, passage);
    if (!target.startsWith('/')) return null;
    const fields = ownFields(auth, passage, parts[1]!, snippet);
    let head = `${method} ${target} HTTP/1.1\r\n`;
    for (const line of fields.values()) head += line;
    if (closing) head += 'Connection: close\r\n';
    const { input } = passage.rewriting;
    for (const [name, value] of input ?? [])
      if (value !== '' && !fields.has(name) && !leftOut.includes(name)) head += `${name}: ${value}\r\n`;
    for (const [name, line] of passage.request.lines())
      if (!fields.has(name) && !leftOut.includes(name) && input?.has(name) !== true) head += line;
    return { tls, host: isIP(host) === 0 ? host.toLowerCase() : host, port, method, head: `${head}\r\n`, keepAlive };
  };
}

/** By name in lower case, lines with CRLF; an empty line: neither this nor the client's. */
function ownFields(auth: ExternalAuth, passage: Passage, host: string, snippet: AuthSnippetSteps | null): Map<string, string> {
  const { request, client } = passage;
  // What the backend would get, so that nothing else is judged.
  const uri = request.forwardedTarget || request.target;
  const fields = new Map<string, string>();
  const set = (name: string, value: string): void => {
    const safe = fieldValue(value);
    fields.set(name.toLowerCase(), safe === '' ? '' : `${name}: ${safe}\r\n`);
  };
  // nginx leaves the port out here.
  set('Host', host);
  set('X-Request-ID', passage.requestId);
  if (auth.method !== null) {
    set('X-Original-URI', uri);
    set('X-Scheme', client.scheme);
  }
  set('X-Original-URL', `${passage.variable('scheme')}://${request.host}${uri}`);
  set('X-Original-Method', request.method);
  set('X-Sent-From', SENT_FROM);
  set('X-Real-IP', client.address);
  set('X-Forwarded-For', passage.forwardedFor);
  set('X-Auth-Request-Redirect', auth.requestRedirect === null ? uri : expand(auth.requestRedirect, passage));
  for (const line of passage.certificateFields.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(':');
    set(line.slice(0, colon), line.slice(colon + 1));
  }
  for (const { name, value } of auth.requestHeaders) set(name, expand(value, passage));
  for (const [name, value] of snippet?.fields(passage) ?? []) if (isChangeable(name)) set(name, value);
  return fields;
}

/** Path and query. What a variable holds stays in its place: it makes neither a space nor another parameter or fragment of it. */
function targetOf({ target, location }: ExternalAuth, passage: Passage): string {
  if (target.length === 0) return location;
  let text = '';
  for (const part of target) text += typeof part === 'string' ? part : encoded(part.variable, passage);
  return text;
}

function encoded(name: string, passage: Passage): string {
  if (name === 'request_uri') return passage.request.forwardedTarget || passage.request.target;
  const said = passage.variable(name);
  // What the Ingress says may be any text; what the client says are bytes already.
  const value = /[\u0100-\uffff]/.test(said) ? Buffer.from(said, 'utf8').toString('latin1') : said;
  // Decoded, so that what it holds means nothing any more.
  if (name === 'uri' || name === 'document_uri') return value.replaceAll(/[^A-Za-z0-9\-._~/!$'()*,;:@]/g, percent);
  return value.replaceAll(/[^\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]/g, percent);
}

/** A character is a byte. */
function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
