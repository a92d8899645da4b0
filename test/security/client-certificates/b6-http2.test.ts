/**
 * B6, R13, over HTTP/2: one connection carries requests for several hosts, and a browser uses it for every host that its certificate
 * covers (RFC 9113 section 9.1.1). Each stream is judged by its own authority.
 */
import http2 from 'node:http2';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestCertificate } from '../../support/pki.ts';
import { ALICE, CA, demands, MALLORY, OTHER_CA, Scene, tableOf } from './scene.ts';

const HOSTS = {
  'public.example': null,
  'mtls.example': { clientAuth: demands() },
  'twin.example': { clientAuth: demands() },
  'other.example': { clientAuth: demands({ ca: OTHER_CA.cert }) },
};

let scene: Scene;
const sessions: http2.ClientHttp2Session[] = [];
beforeEach(async () => {
  scene = await Scene.start(HOSTS);
});
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await scene.close();
});

async function connect(servername: string, shown: TestCertificate | null): Promise<http2.ClientHttp2Session> {
  const credentials = shown === null ? {} : { cert: shown.chain, key: shown.key };
  const options = { servername, rejectUnauthorized: false, ...credentials };
  const session = http2.connect(`https://127.0.0.1:${scene.proxy.httpsPort}`, options);
  sessions.push(session);
  session.on('error', () => undefined);
  await once(session, 'connect');
  return session;
}

async function ask(session: http2.ClientHttp2Session, authority: string): Promise<number> {
  const stream = session.request({ ':path': '/', ':authority': authority, 'ssl-client-verify': 'SUCCESS' });
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  stream.resume();
  await once(stream, 'close');
  return Number(headers[':status']);
}

describe('B6: streams of one HTTP/2 connection', () => {
  it('of a host that asks for nothing get nothing from those that do', async () => {
    const session = await connect('public.example', null);
    expect(await ask(session, 'public.example')).toBe(200);
    const before = scene.forwarded.length;
    for (const name of ['mtls.example', 'MTLS.example', 'mtls.example.', 'other.example:443'])
      expect([name, await ask(session, name)]).toEqual([name, 421]);
    expect(scene.forwarded.length).toBe(before);
    // The connection is not to blame.
    expect(await ask(session, 'public.example')).toBe(200);
    expect(scene.forwarded.join()).not.toContain('ssl-client');
  });

  it('that showed a certificate are served where just that is asked for, and nowhere else', async () => {
    const session = await connect('mtls.example', ALICE);
    const together = ['mtls.example', 'twin.example', 'other.example', 'public.example'].map((name) => ask(session, name));
    expect(await Promise.all(together)).toEqual([200, 200, 421, 421]);
    expect(scene.forwarded.filter((head) => head.includes('ssl-client-subject-dn: CN=alice'))).toHaveLength(2);
    expect(scene.forwarded).toHaveLength(2);
  });

  it('that showed none, or a bad one, are refused one by one', async () => {
    for (const shown of [null, MALLORY]) {
      const session = await connect('mtls.example', shown);
      expect([await ask(session, 'mtls.example'), await ask(session, 'twin.example')]).toEqual([400, 400]);
    }
    expect(scene.forwarded).toEqual([]);
  });

  it('whose own host has changed its demand are told to come again: for ever 421 would be no answer for who stays connected', async () => {
    for (const [name, shown] of [
      ['mtls.example', ALICE],
      ['public.example', null],
    ] as const) {
      const session = await connect(name, shown);
      expect(await ask(session, name)).toBe(200);
      const goaway = once(session, 'goaway');
      const changed = { ...HOSTS, [name]: { clientAuth: demands({ ca: CA.cert + OTHER_CA.cert }) } };
      scene.proxy.runtime.apply(tableOf(changed, scene.backend.port));
      // Another host of the connection says nothing of its own.
      expect([await ask(session, 'other.example'), session.closed]).toEqual([421, false]);
      expect(await ask(session, name.toUpperCase())).toBe(421);
      expect((await goaway)[0]).toBe(http2.constants.NGHTTP2_NO_ERROR);
      expect(await ask(await connect(name, ALICE), name)).toBe(200);
    }
  });
});
