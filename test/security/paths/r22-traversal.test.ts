/**
 * R22. A path that the proxy routes by one reading and the backend serves by another gets round what protects it.
 * Source: CVE-2025-32431 and CVE-2025-66490 (Traefik), CVE-2019-9901 and CVE-2026-73551 (Envoy, "..;"), Caddy #7941; Orange
 * Tsai, "Breaking Parser Logic", 2018.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { group, host, prefixRoute, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type Backend, securityBackend } from '../support/backend.ts';
import { FORMS, READERS, readPathAs } from './forms.ts';

/** The routes of the protected host: each has a backend of its own, and "/" has another. */
const AREAS = ['public', 'admin', ''] as const;

let proxy: TestProxy;
const backends = new Map<string, Backend>();

beforeAll(async () => {
  for (const area of AREAS) backends.set(area, await securityBackend());
  const routes = AREAS.map((area) => prefixRoute(`/${area}`, `area-${area}`));
  const groups = AREAS.map((area) => group(`area-${area}`, [backends.get(area)!.port]));
  const twins = [prefixRoute('/admin', 'area-'), prefixRoute('/', 'area-')];
  proxy = await startProxy(table([host('app.example', routes), host('one.example', twins)], groups));
});

afterAll(async () => {
  await proxy.close();
  for (const backend of backends.values()) await backend.close();
});

/** Sends a GET and a second one on the same connection; returns the status, and the route and target it went to. */
async function ask(target: string, name = 'app.example'): Promise<{ status: number; area: string | null; target: string }> {
  const before = new Map([...backends].map(([area, { requests }]) => [area, requests.length]));
  const client = await RawClient.connect(proxy.port);
  const { status } = await client.request(`GET ${target} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  if (!client.ended && status !== 400) {
    const next = await client.request('GET /next HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    expect(next.body).toBe('GET /next 0');
  }
  client.close();
  for (const [area, { requests }] of backends) {
    const seen = requests.slice(before.get(area)).find((request) => request.target !== '/next');
    if (seen !== undefined) return { status, area, target: seen.target };
  }
  return { status, area: null, target: '' };
}

function areaOf(segments: readonly string[] | null): string {
  const [first] = segments ?? [];
  return first === 'admin' || first === 'public' ? first : '';
}

describe('D7 R22: a path', () => {
  it('has more than 80 forms', () => {
    expect(new Set(FORMS).size).toBeGreaterThan(80);
    expect(READERS).toHaveLength(192);
  });

  it.each(FORMS)('%s reaches a backend only if every server reads it as one of its route', async (form) => {
    const { status, area, target } = await ask(form);
    if (area === null) {
      expect(status).toBe(400);
      return;
    }
    expect(status).toBe(200);
    for (const habits of READERS) {
      const read = areaOf(readPathAs(target, habits));
      // A server that sees less than nginx, and so a path of none of its areas, gives no access to one of them.
      if (read !== '') expect({ read, target, habits }).toEqual({ read: area, target, habits });
    }
  });

  it.each([
    ['/public/../admin/x?q=/../y', 'admin', '/admin/x?q=/../y'],
    ['/admin/./b%20c/../d%2Fe/%7e', 'admin', '/admin/d/e/%7e'],
    ['//admin/x', 'admin', '//admin/x'],
    ['/public/a%2fb', 'public', '/public/a%2fb'],
    ['/public/page;jsessionid=1', 'public', '/public/page;jsessionid=1'],
    ['/public/100%25/a%5cb/%C3%A9', 'public', '/public/100%25/a%5cb/%C3%A9'],
    ['/public/%25252f', 'public', '/public/%25252f'],
    ['/public/%2525252f', null, ''],
  ])('%s is forwarded as it was routed: to %s as %s', async (form, area, target) => {
    expect(await ask(form)).toMatchObject({ area, target });
  });

  it.each(['/admin;a=b/c', '/admin%5cc', '/%2561dmin'])(
    '%s is served where it does not matter: both routes lead to the same backend, under the same policies',
    async (form) => {
      expect(await ask(form, 'one.example')).toEqual({ status: 200, area: '', target: form });
    },
  );
});
