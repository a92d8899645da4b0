/**
 * `proxy-redirect-from`, `proxy-redirect-to` and the keys of the ConfigMap of the same names: Location and Refresh of backends are
 * rewritten (nginx's proxy_redirect).
 */
import type { Rewriting } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { Passage, ResponseStep } from '../acting.ts';
import { fieldValue } from '../changes.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { readRewriting, rewriter, type Rewriter } from './rewriting.ts';

const FROM = 'proxy-redirect-from';
const TO = 'proxy-redirect-to';
/** What ingress-nginx's validator lets through: URLs and signs of expressions. */
export const REDIRECT_TEXT = /^[-._~a-zA-Z0-9/:?&=^$[\](){}*+|\\,]*$/;

/** `default` is about the address of proxy_pass, which no backend knows: it rewrites nothing, as in ingress-nginx. */
function isOff(from: string, to: string): boolean {
  return from === 'off' || from === 'default' || to === 'off';
}

export const proxyRedirect: RoutePolicy<Rewriting> = {
  annotations: [FROM, TO],
  everywhere: true,
  read: (source, settings) => {
    const from = readOne(source, FROM, settings.proxyRedirectFrom);
    const to = readOne(source, TO, settings.proxyRedirectTo);
    if (isOff(from, to)) return undefined;
    const read = readRewriting(from, to);
    if (typeof read !== 'string') return read;
    source.invalid(FROM, `what can be rewritten: it ${read}`, 'Location and Refresh are passed on as they are.');
    return undefined;
  },
  resolve: (wish) => wish,
};

function readOne(source: AnnotationSource, name: string, setting: string): string {
  const text = source.text(name);
  if (text === undefined) return setting;
  if (REDIRECT_TEXT.test(text)) return text;
  source.invalid(name, '"off" or a URL without spaces', 'The setting of the ConfigMap, or none, is used.');
  return setting;
}

export function proxyRedirectStep({ policies: { proxyRedirect: wanted } }: Route): ResponseStep | null {
  if (wanted === undefined) return null;
  const rewrite = rewriter(wanted);
  return (passage, _, own) => {
    if (own) return;
    const [location] = passage.backendFields('location');
    const moved = location === undefined ? null : rewrite(location, passage);
    if (moved !== null) setField(passage, 'Location', absolute(moved, passage));
    const [refresh] = passage.backendFields('refresh');
    const refreshed = refresh === undefined ? null : rewriteRefresh(refresh, rewrite, passage);
    if (refreshed !== null) setField(passage, 'Refresh', refreshed);
  };
}

function setField({ response }: Passage, name: string, value: string): void {
  response.rewrite(name.toLowerCase(), `${name}: ${fieldValue(value)}\r\n`);
}

/** nginx makes a Location that it rewrote to a path whole again (absolute_redirect, `relative-redirects`). */
function absolute(location: string, passage: Passage): string {
  const whole = passage.route.policies.ownRedirects?.relative !== true;
  return whole && location.startsWith('/')
    ? `${passage.variable('scheme')}://${passage.variable('host')}${location}`
    : location;
}

/** `Refresh: 5; url=...` */
function rewriteRefresh(refresh: string, rewrite: Rewriter, passage: Passage): string | null {
  const found = refresh.toLowerCase().indexOf('url=');
  if (found < 0) return null;
  const url = rewrite(refresh.slice(found + 4), passage);
  return url === null ? null : refresh.slice(0, found + 4) + url;
}
