/**
 * What an upstream is told of a client's certificate must come from the handshake: a client that sends the fields itself (Traefik
 * CVE-2022-23632, GHSA-6384-m2mw-rf54) must not be believed, nor may a name in a certificate write further header lines.
 */
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientAuth } from '../../../src/model/table.ts';
import { makeCertificate, type TestCertificate } from '../../support/pki.ts';
import { exchange } from '../../support/raw-client.ts';
import { skippedWithout, runTool } from '../../support/system-tools.ts';
import { ALICE, CA, demands, Scene } from './scene.ts';

let scene: Scene;
afterEach(() => scene.close());

const start = async (changes: Partial<ClientAuth>): Promise<void> => {
  scene = await Scene.start({ 'mtls.example': { clientAuth: demands(changes) }, 'public.example': null });
};

/** The identity fields of the last head that reached the backend, in lower case. */
function told(): string[] {
  const lines = scene.forwarded.at(-1)!.split('\r\n');
  return lines.filter((line) => /^ssl[-_]client/i.test(line)).sort();
}

const FORGED = ['cert', 'verify', 'subject-dn', 'issuer-dn'].flatMap((name) => [
  `ssl-client-${name}: forged\r\n`,
  `SSL-Client-${name}: forged\r\n`,
  `ssl_client_${name.replaceAll('-', '_')}: forged\r\n`,
]);

describe('the upstream', () => {
  it('learns the result and the names, and the certificate if it was asked for', async () => {
    await start({});
    expect((await scene.get('mtls.example', ALICE)).status).toBe(200);
    const names = ['ssl-client-issuer-dn: CN=Client CA', 'ssl-client-subject-dn: CN=alice', 'ssl-client-verify: SUCCESS'];
    expect(told()).toEqual(names);
    await scene.close();
    await start({ passCertificate: true });
    expect((await scene.get('mtls.example', ALICE)).status).toBe(200);
    const [whole = '', ...rest] = told();
    expect(rest).toEqual(names);
    expect(whole).toMatch(/^ssl-client-cert: -----BEGIN%20CERTIFICATE-----%0A[\w%.-]+%0A-----END%20CERTIFICATE-----%0A$/);
    const shown = decodeURIComponent(whole.slice('ssl-client-cert: '.length));
    expect(new X509Certificate(shown).fingerprint256).toBe(new X509Certificate(ALICE.cert).fingerprint256);
  });

  it('is told with every request of the connection', async () => {
    await start({});
    const client = await scene.connect('mtls.example', ALICE);
    for (let i = 0; i < 3; i++) {
      expect((await client.request(`GET /${i} HTTP/1.1\r\nHost: mtls.example\r\n\r\n`)).status).toBe(200);
      expect(told()).toContain('ssl-client-subject-dn: CN=alice');
    }
  });

  it('learns that there was none', async () => {
    await start({ verify: 'optional', passCertificate: true });
    expect((await scene.get('mtls.example')).status).toBe(200);
    expect(told()).toEqual(['ssl-client-verify: NONE']);
  });

  it.each([true, false])(
    'never sees what a client says of itself (underscores in names allowed: %s)',
    async (underscoresInHeaders) => {
      const hosts = { 'mtls.example': { clientAuth: demands({ verify: 'optional' as const }) }, 'public.example': null };
      scene = await Scene.start(hosts, { underscoresInHeaders });
      for (const fields of [...FORGED, FORGED.join('')]) {
        expect((await scene.get('mtls.example', null, 'mtls.example', fields)).status).toBe(200);
        expect(told()).toEqual(['ssl-client-verify: NONE']);
        expect((await scene.get('public.example', null, 'public.example', fields)).status).toBe(200);
        expect(told()).toEqual([]);
        const plain = `GET / HTTP/1.1\r\nHost: mtls.example\r\nConnection: ssl-client-verify\r\n${fields}\r\n`;
        expect((await exchange(scene.proxy.port, plain)).status).toBe(200);
        expect(told()).toEqual([]);
      }
      // Nor can a client have ours removed.
      expect((await scene.get('mtls.example', ALICE, 'mtls.example', 'Connection: ssl-client-verify\r\n')).status).toBe(200);
      expect(told()).toContain('ssl-client-verify: SUCCESS');
    },
  );
});

describe('a name in a certificate', () => {
  const named = (...subject: readonly [string, string][]): TestCertificate =>
    makeCertificate({ names: ['x'], issuer: CA, subject: subject.map(([shortName, value]) => ({ shortName, value })) });

  it.each([
    [
      [
        ['C', 'DE'],
        ['O', 'Example, Inc.'],
        ['OU', 'a+b=c'],
        ['CN', 'alice'],
      ],
      'CN=alice,OU=a\\+b=c,O=Example\\, Inc.,C=DE',
    ],
    [[['CN', 'line\r\nX-Admin: yes\r\n\r\nGET / HTTP/1.1']], 'CN=line\\0D\\0AX-Admin: yes\\0D\\0A\\0D\\0AGET / HTTP/1.1'],
    [[['CN', ' lead and trail ']], 'CN=\\ lead and trail\\ '],
    [
      [
        ['CN', '#hash'],
        ['O', 'quo"te;<semi>\\back'],
      ],
      'O=quo\\"te\\;\\<semi\\>\\\\back,CN=\\#hash',
    ],
    [
      [
        ['O', 'Bücher Ü'],
        ['CN', '日本'],
      ],
      'CN=\\E6\\97\\A5\\E6\\9C\\AC,O=B\\C3\\BCcher \\C3\\9C',
    ],
    [
      [
        ['CN', 'nul\0byte'],
        ['O', 'a\u2028b\x7f'],
      ],
      'O=a\\E2\\80\\A8b\\7F,CN=nul\\00byte',
    ],
    [
      [
        ['CN', 'a + b'],
        ['O', 'x\ny'],
      ],
      'O=x\\0Ay,CN=a \\+ b',
    ],
  ] as [[string, string][], string][])('is one line, as OpenSSL writes it by RFC 2253: %j', async (subject, written) => {
    await start({ verify: 'optional_no_ca' });
    const shown = named(...subject);
    expect((await scene.get('mtls.example', shown)).status).toBe(200);
    expect(told()).toContain(`ssl-client-subject-dn: ${written}`);
    if (!skippedWithout('openssl')) {
      const options = ['x509', '-noout', '-subject', '-nameopt', 'RFC2253'];
      expect(await runTool('openssl', options, shown.cert)).toBe(`subject=${written}\n`);
    }
    expect(scene.forwarded).toHaveLength(1);
    expect(scene.forwarded[0]).not.toMatch(/^x-admin/im);
  });

  it('that is larger than any header takes is not forwarded in part', async () => {
    await start({ verify: 'optional_no_ca', passCertificate: true });
    const { status } = await scene.get('mtls.example', named(['CN', 'a'.repeat(60_000)]));
    expect(status).toBe(200);
    expect(told()[2]).toBe(`ssl-client-subject-dn: CN=${'a'.repeat(60_000)}`);
  });
});
