/** `auth-url` at work: nginx's ngx_http_auth_request_module, with the location that ingress-nginx's template writes for it. */
import { hash } from 'node:crypto';
import type { ExternalAuth, Template } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import { type Passage, PENDING, type ResponseStep, type StepServices } from '../acting.ts';
import { page, redirect } from '../answer.ts';
import { fieldValue } from '../changes.ts';
import { compileAuthSnippet, compileAuthVariables } from '../snippets/running/auth.ts';
import type { SubrequestResponse } from '../subrequest.ts';
import { expand } from '../variables/template.ts';
import { type AuthDecision, cacheTime } from './auth-cache.ts';
import { authRequest, SENT_FROM } from './auth-request.ts';
import { type Check, GRANTED, type Verdict } from '../access/check.ts';

/** The statuses with which nginx's add_header adds (ngx_http_headers_filter). */
const WITH_FIELDS: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/** Set-Cookie lines for clients whose response has no status yet. */
const cookiesOf = new WeakMap<Passage, readonly string[]>();

/** Makes the check of a route. */
export function externalCheck(auth: ExternalAuth, { path, pathType, policies }: Route, services: StepServices): Check {
  const { subrequests, authCache } = services;
  const { location = null, auth: program = null } = policies.snippets ?? {};
  const snippet = program === null ? null : compileAuthSnippet(program);
  const variables = compileAuthVariables(location?.authVariables ?? []);
  const names = [...auth.responseHeaders.map((name) => name.toLowerCase()), ...(variables?.names ?? [])];
  const request = authRequest(auth, snippet);
  const settle = (decision: AuthDecision, passage: Passage): Verdict => {
    variables?.set(passage, (name) => decision.fields[names.lastIndexOf(name)] ?? '');
    return act(decision, auth, passage);
  };
  const { cache } = auth;
  // Of a host with a wildcard or aliases each name may have a service of its own.
  const keyParts = (key: Template, passage: Passage): string[] => [
    passage.serverName,
    identity,
    ...valuesOf(auth.authority, passage),
    ...valuesOf(key, passage),
  ];
  // What was asked of another service, or otherwise, says nothing here.
  const identity = cache === null ? '' : hash('sha256', JSON.stringify([auth, path, pathType, program, names]), 'base64');
  return (passage, decided) => {
    const status = snippet?.decides(passage) ?? null;
    if (status !== null) return settle({ status, fields: [], challenges: [], cookies: [] }, passage);
    const key = cache === null ? null : authCache.keyOf(keyParts(cache.key, passage));
    const known = key === null ? null : authCache.get(key);
    if (known !== null) return settle(known, passage);
    const asked = isLoop(passage) ? null : request(passage);
    if (asked === null) return page(500);
    const cancel = subrequests.send(asked, (response) => {
      if (response === null) return decided(page(500));
      const decision = decisionOf(response, names);
      if (key !== null) {
        const time = cacheTime(response.status, response.field, cache!.rules, Date.now());
        if (time > 0) authCache.put(key, decision, time);
      }
      decided(settle(decision, passage));
    });
    passage.onDone(cancel);
    return PENDING;
  };
}

/**
 * It is a question itself, about the same host: its answer would take another question, and so on. An `auth-url` of the host's own that no
 * path without authentication takes is like this.
 */
function isLoop({ request }: Passage): boolean {
  if (request.field('x-sent-from') !== SENT_FROM) return false;
  const asked = /^https?:\/\/([^/]*)/i.exec(request.field('x-original-url'))?.[1] ?? '';
  return asked.replace(/:\d*$/, '').toLowerCase() === request.host.replace(/:\d*$/, '').toLowerCase();
}

/** One by one: put together, different values could be the same text. */
function valuesOf(template: Template, passage: Passage): string[] {
  return template.map((part) => (typeof part === 'string' ? part : passage.variable(part.variable)));
}

/** What is used of a response. Copies: a slice would keep all of the head for as long as it is remembered. */
function decisionOf({ status, field }: SubrequestResponse, names: readonly string[]): AuthDecision {
  const copied = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
  return {
    status,
    fields: names.map((name) => copied(field(name).join(', '))),
    challenges: status === 401 ? field('www-authenticate').map(copied) : [],
    cookies: field('set-cookie').map(copied),
  };
}

/** 2xx lets in; 401 and 403 are passed on; anything else means that nobody knows (ngx_http_auth_request_handler). */
function act({ status, fields, challenges, cookies }: AuthDecision, auth: ExternalAuth, passage: Passage): Verdict {
  if (cookies.length > 0) {
    if (auth.alwaysSetCookie) for (const cookie of cookies) passage.response.add('Set-Cookie', cookie);
    else cookiesOf.set(passage, cookies);
  }
  if (status >= 200 && status < 300) {
    for (const [index, name] of auth.responseHeaders.entries()) passage.upstream.set(name, fields[index] ?? '');
    return GRANTED;
  }
  if (status === 403) return page(403);
  if (status !== 401) return page(500);
  if (auth.signin !== null) return redirect(302, fieldValue(expand(auth.signin, passage)));
  return { ...page(401), fields: challenges.map((value) => `WWW-Authenticate: ${fieldValue(value)}\r\n`).join('') };
}

/** Adds the cookies of the service to the client's response. */
export function externalCookies({ policies: { externalAuth } }: Route): ResponseStep | null {
  if (externalAuth === undefined || externalAuth.alwaysSetCookie) return null;
  return (passage, status) => {
    const cookies = cookiesOf.get(passage);
    if (cookies === undefined || !WITH_FIELDS.has(status)) return;
    cookiesOf.delete(passage);
    for (const cookie of cookies) passage.response.add('Set-Cookie', cookie);
  };
}
