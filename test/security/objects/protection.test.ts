/**
 * Threat: what a user asked for as a protection is silently not there: it is not supported, its value cannot be read, its Secret
 * is missing, or "on" means "off". Source: R11 (Traefik #13323: a route whose auth Secret is missing was served without auth)
 * and R12 (Traefik CVE-2025-66491: `proxy-ssl-verify: on` skipped verification).
 */
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../../src/policies/annotations.ts';
import { annotated, objectsOf, PREFIX, translateBeside } from './tenant.ts';

const [INGRESS = {}, ...OTHERS] = objectsOf('tenant');
const REFUSED = [...ANNOTATIONS].filter(([, { kind }]) => kind === 'refused').map(([name]) => name);
/** Those that say who may come in, how often, and to whom a request may go. */
const PROTECTING = [
  'auth-type',
  'auth-url',
  'auth-tls-secret',
  'allowlist-source-range',
  'whitelist-source-range',
  'denylist-source-range',
  'limit-rps',
  'limit-rpm',
  'limit-connections',
  'backend-protocol',
  'configuration-snippet',
  'server-snippet',
  'proxy-ssl-secret',
  'custom-headers',
  'ssl-passthrough',
];
/** Those that a boolean switches; `backend-protocol` and the rest have values of their own. */
const BOOLEAN = ['enable-modsecurity', 'enable-owasp-core-rules', 'ssl-passthrough'];

/** `open` when any route of the tenant's host leads to a backend. */
function answerWith(name: string, value: string): 'open' | 'denied' {
  const { table } = translateBeside([annotated(INGRESS, { [PREFIX + name]: value }), ...OTHERS]);
  const routes = table.hosts.get('tenant.test')?.routes ?? [];
  return routes.some(({ target }) => target.kind === 'group') ? 'open' : 'denied';
}

describe('a protection that is asked for is there, or nothing is', () => {
  it.each([...PROTECTING, ...REFUSED])('R11: %s denies with a value that nobody can read', (name) => {
    for (const value of ['no such thing', '\u0000', 'off;on', '${secret}', '😀'])
      expect([value, answerWith(name, value)]).toEqual([value, 'denied']);
  });

  it.each(['auth-type', 'auth-tls-secret', 'allowlist-source-range', 'denylist-source-range'])(
    'R11: %s denies whether or not what it names exists',
    (name) => {
      for (const value of ['tenant/tls', 'tenant/missing', 'victim/tls', 'basic', 'http://auth.test/'])
        expect([value, answerWith(name, value)]).toEqual([value, 'denied']);
    },
  );

  it.each(BOOLEAN)('R12: %s means what it says, in both senses', (name) => {
    for (const value of ['true', 'True', 'TRUE', 't', '1', ' true '])
      expect([value, answerWith(name, value)]).toEqual([value, 'denied']);
    for (const value of ['false', 'False', 'FALSE', 'f', '0', ' false ', ''])
      expect([value, answerWith(name, value)]).toEqual([value, 'open']);
    for (const value of ['on', 'off', 'yes', 'no', '2', '-1'])
      expect([value, answerWith(name, value)]).toEqual([value, 'denied']);
  });

  it('without any, the route is open', () => {
    expect(answerWith('ssl-redirect', 'false')).toBe('open');
  });
});
