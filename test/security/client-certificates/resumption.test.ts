/**
 * B7, CVE-2025-23419 (nginx), Node's TLS: a session that was made where other certificates, or none, were asked for is offered to a
 * host that asks for them. OpenSSL resumes it before it looks at the name; Node then calls the client `authorized`.
 */
import type tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestCertificate } from '../../support/pki.ts';
import { table } from '../../support/proxy.ts';
import { handshake } from '../../support/tls-client.ts';
import { ALICE, demands, MALLORY, OTHER_CA, Scene } from './scene.ts';

const HOSTS = {
  'public.example': null,
  'mtls.example': { clientAuth: demands() },
  'other.example': { clientAuth: demands({ ca: OTHER_CA.cert }) },
  'lax.example': { clientAuth: demands({ verify: 'optional' as const }) },
  'weak.example': { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
};

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.start(HOSTS);
});
afterEach(() => scene.close());

const credentials = (shown: TestCertificate | null): tls.ConnectionOptions =>
  shown === null ? {} : { cert: shown.chain, key: shown.key };

/** The status of a request, and whether its session was resumed. */
async function ask(name: string, shown: TestCertificate | null, options: tls.ConnectionOptions): Promise<[number, boolean]> {
  const client = await scene.connect(name, shown, options);
  const resumed = (client.socket as tls.TLSSocket).isSessionReused();
  const { status } = await client.request(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  return [status, resumed];
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('B7: a session of %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  it('of a host that asks for no certificate lets nobody in at one that does', async () => {
    const { session } = await handshake(scene.proxy.httpsPort, 'public.example', only);
    expect(await ask('public.example', null, { ...only, session })).toEqual([200, true]);
    expect(await ask('mtls.example', null, { ...only, session })).toEqual([400, false]);
    expect(await ask('lax.example', null, { ...only, session })).toEqual([200, false]);
    expect(await ask('mtls.example', ALICE, { ...only, session })).toEqual([200, false]);
  });

  it('of another cipher list, or of none, is not resumed either', async () => {
    const { session } = await handshake(scene.proxy.httpsPort, 'public.example', only);
    expect(await ask('weak.example', null, { ...only, session })).toEqual([200, false]);
    const own = await handshake(scene.proxy.httpsPort, 'weak.example', only);
    expect(await ask('weak.example', null, { ...only, session: own.session })).toEqual([200, true]);
    expect(await ask('public.example', null, { ...only, session: own.session })).toEqual([200, false]);
  });

  it('of a host that asks for certificates is never resumed: every client shows its own, every time', async () => {
    for (const [name, shown] of [
      ['mtls.example', ALICE],
      ['other.example', MALLORY],
    ] as const) {
      const client = await scene.connect(name, shown, only);
      expect((await client.request(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`)).status).toBe(200);
      // There is a session all the same, with a name that nobody knows.
      const session = (client.socket as tls.TLSSocket).getSession();
      expect(session).toBeInstanceOf(Buffer);
      for (const [other, expected] of [
        ['mtls.example', 400],
        ['other.example', 400],
        ['public.example', 200],
      ] as const)
        expect([other, ...(await ask(other, null, { ...only, session, ...credentials(null) }))]).toEqual([
          other,
          expected,
          false,
        ]);
    }
  });

  it('that was made before a host began to ask for certificates is worth nothing after', async () => {
    const { session } = await handshake(scene.proxy.httpsPort, 'public.example', only);
    const changed = { ...scene.hostOf('public.example'), tls: scene.hostOf('mtls.example').tls };
    scene.proxy.runtime.apply({ ...table([], []), reset: false, hosts: [changed] });
    expect(await ask('public.example', null, { ...only, session })).toEqual([400, false]);
    expect(await ask('public.example', ALICE, { ...only, session })).toEqual([200, false]);
  });
});
