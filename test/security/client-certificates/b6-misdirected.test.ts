/**
 * B6, R13: a client does its handshake with a host that asks for nothing, or for other certificates, and then asks for the one that
 * does: by Host on the same connection (domain fronting), or because its connections are coalesced (RFC 9110 section 7.4). Traefik
 * checked the connection instead of the request (traefik#13305, #13348).
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, CA, demands, MALLORY, OTHER_CA, Scene, tableOf } from './scene.ts';

const CA1 = { clientAuth: demands() };
const HOSTS = {
  'public.example': null,
  'mtls.example': CA1,
  'twin.example': { clientAuth: demands({ passCertificate: true }) },
  'other.example': { clientAuth: demands({ ca: OTHER_CA.cert }) },
  'lax.example': { clientAuth: demands({ verify: 'optional' as const }) },
  'deep.example': { clientAuth: demands({ depth: 2 }) },
  '*.wild.example': CA1,
  'open.wild.example': null,
};

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.start(HOSTS);
});
afterEach(() => scene.close());

describe('B6: a request whose Host demands other client certificates than the host of the handshake', () => {
  it.each([
    ['public.example', null, 'mtls.example'],
    ['public.example', null, 'lax.example'],
    ['public.example', ALICE, 'mtls.example'],
    ['', null, 'mtls.example'],
    ['unknown.example', null, 'mtls.example'],
    ['mtls.example', ALICE, 'public.example'],
    ['mtls.example', ALICE, 'other.example'],
    ['other.example', MALLORY, 'mtls.example'],
    ['lax.example', null, 'mtls.example'],
    ['deep.example', ALICE, 'mtls.example'],
    ['open.wild.example', null, 'any.wild.example'],
    ['public.example', null, 'any.wild.example'],
    ['any.wild.example', ALICE, 'open.wild.example'],
    ['mtls.example', ALICE, 'unknown.example'],
  ])('of %s, %o, is answered with 421 and goes nowhere: %s', async (servername, shown, name) => {
    const client = await scene.connect(servername, shown);
    for (const spelling of [name, name.toUpperCase(), `${name}.`, `${name}:443`]) {
      const again = client.ended ? await scene.connect(servername, shown) : client;
      const { status, headers } = await again.request(`GET / HTTP/1.1\r\nHost: ${spelling}\r\n\r\n`);
      expect([spelling, status, headers.get('connection')]).toEqual([spelling, 421, ['close']]);
      await again.closed();
    }
    expect(scene.forwarded).toEqual([]);
  });

  it('is judged anew with every request of a connection', async () => {
    const client = await scene.connect('public.example');
    expect((await client.request('GET / HTTP/1.1\r\nHost: public.example\r\n\r\n')).status).toBe(200);
    expect((await client.request('GET /secret HTTP/1.1\r\nHost: mtls.example\r\n\r\n')).status).toBe(421);
    expect(scene.forwarded.some((head) => head.includes('/secret'))).toBe(false);
  });

  it('takes the body of the request with it', async () => {
    const client = await scene.connect('public.example');
    const inner = 'GET /smuggled HTTP/1.1\r\nHost: public.example\r\n\r\n';
    client.send(`POST / HTTP/1.1\r\nHost: mtls.example\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`);
    expect((await client.response()).status).toBe(421);
    await client.closed();
    expect(client.buffer).toBe('');
    expect(scene.forwarded).toEqual([]);
  });

  it('is served where the demand is the same: a browser may use the connection for both', async () => {
    expect((await scene.get('mtls.example', ALICE, 'twin.example')).status).toBe(200);
    expect((await scene.get('mtls.example', ALICE, 'any.wild.example')).status).toBe(200);
    expect((await scene.get('mtls.example', null, 'twin.example')).status).toBe(400);
  });

  it('is served where neither demands any', async () => {
    expect((await scene.get('public.example', null, 'open.wild.example')).status).toBe(200);
    expect((await scene.get('', null, 'public.example')).status).toBe(200);
  });
});

describe('a demand that changes', () => {
  it('holds for connections that are open: what they showed was verified by another', async () => {
    const open = await scene.connect('mtls.example', ALICE);
    const plain = await scene.connect('public.example');
    expect((await open.request('GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n')).status).toBe(200);
    expect((await plain.request('GET / HTTP/1.1\r\nHost: public.example\r\n\r\n')).status).toBe(200);
    const changed = { 'mtls.example': { clientAuth: demands({ ca: OTHER_CA.cert }) }, 'public.example': CA1 };
    scene.proxy.runtime.apply(tableOf(changed, scene.backend.port));
    const before = scene.forwarded.length;
    expect((await open.request('GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n')).status).toBe(421);
    expect((await plain.request('GET / HTTP/1.1\r\nHost: public.example\r\n\r\n')).status).toBe(421);
    expect(scene.forwarded.length).toBe(before);
    expect((await scene.get('mtls.example', MALLORY)).status).toBe(200);
    expect((await scene.get('mtls.example', ALICE)).status).toBe(400);
    expect((await scene.get('public.example', ALICE)).status).toBe(200);
  });

  it('leaves open connections alone when it only becomes longer by what is not verified', async () => {
    const open = await scene.connect('mtls.example', ALICE);
    const changed = { 'mtls.example': { clientAuth: demands({ passCertificate: true, ca: CA.cert }) } };
    scene.proxy.runtime.apply(tableOf(changed, scene.backend.port));
    expect((await open.request('GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n')).status).toBe(200);
  });
});
