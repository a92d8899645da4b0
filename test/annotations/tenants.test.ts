/** What an Ingress of one namespace can do to a host of another, beside having paths of its own there. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Ingress } from '../../src/model/objects.ts';
import { exchange } from '../support/raw-client.ts';
import { response } from '../support/proxy.ts';
import { ingress, serve, service, type IngressText } from '../support/ingress.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** An Ingress of another namespace, for `/other` of the same host, and younger. */
function other(annotations: Readonly<Record<string, unknown>>, text: IngressText = {}): Ingress {
  const made = ingress(annotations, { name: 'other', paths: ['/other'], created: '2025-06-01T00:00:00Z', ...text });
  return { ...made, metadata: { ...made.metadata, namespace: 'other' } };
}

/** The statuses of "/", "/second", which is of another Ingress of its namespace, and "/other". */
async function statuses(...more: readonly Ingress[]): Promise<readonly number[]> {
  const backend = await stage.backend(() => response('hello'));
  const own = [ingress({}), ingress({}, { name: 'second', paths: ['/second'] })];
  const proxy = stage.watched(await serve([...own, ...more, ...service('app', [backend.port])]));
  const found: number[] = [];
  for (const path of ['/', '/second', '/other'])
    found.push((await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`)).status);
  return found;
}

describe('an Ingress of another namespace', () => {
  it.each([
    ['a server-snippet, which nobody may have', { 'server-snippet': 'return 403;' }],
    ['ssl-passthrough, which there is none of', { 'ssl-passthrough': 'true' }],
    ['ssl-passthrough that is no boolean', { 'ssl-passthrough': 'maybe' }],
    ['ModSecurity', { 'enable-modsecurity': 'true' }],
    ['a password of a Secret that is not there', { 'auth-type': 'basic', 'auth-secret': 'none' }],
  ])('closes its own paths with %s, and no others', async (_, annotations) => {
    expect(await statuses(other(annotations))).toEqual([200, 200, 503]);
  });

  it.each([
    ['a server-snippet, which nobody may have', { 'server-snippet': 'return 403;' }, [503, 503, 503]],
    ['ssl-passthrough, which there is none of', { 'ssl-passthrough': 'true' }, [503, 503, 503]],
  ])('of the same namespace, it closes all of the host with %s', async (_, annotations, expected) => {
    const young = ingress(annotations, { name: 'other', paths: ['/other'], created: '2025-06-01T00:00:00Z' });
    expect(await statuses(young)).toEqual(expected);
  });

  it('that is the oldest decides for the host whether TLS passes through', async () => {
    expect(await statuses(other({ 'ssl-passthrough': 'true' }, { created: '2024-01-01T00:00:00Z' }))).toEqual([503, 503, 503]);
  });

  it('closes the host with client certificates that cannot be verified, as in ingress-nginx', async () => {
    expect(await statuses(other({ 'auth-tls-secret': 'other/none' }))).toEqual([503, 503, 503]);
  });
});
