/**
 * B9: what a scanner finds. Protocols before TLS 1.2 (RFC 8996), compression (CRIME, CVE-2012-4929), renegotiation (CVE-2009-3555),
 * suites without forward secrecy or with CBC (Lucky13, ROBOT), finite-field groups (CVE-2002-20001), early data (RFC 8446 appendix
 * E.5). The table of handshakes needs no tool; `sslscan` and `openssl s_client`, where they are installed, must agree with it.
 */
import { createPrivateKey } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Certificate } from '../../../src/model/table.ts';
import { clientHello } from '../../support/client-hello.ts';
import { makeCa, makeCertificate } from '../../support/pki.ts';
import { certificate, host, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { skippedWithout, runTool } from '../../support/system-tools.ts';

/** As those that are really in use: a scanner complains of a self-signed one. */
function issued(name: string, names: readonly string[], keyType: 'ec' | 'rsa'): Certificate {
  const made = makeCertificate({ names, keyType, issuer: makeCa({ name: `CA ${keyType}`, keyType }) });
  return { ...certificate(name, names), chain: made.chain, key: createPrivateKey(made.key) };
}

const RSA = issued('rsa', ['rsa.example', '*.wild.example'], 'rsa');
const EC = issued('ec', ['ec.example'], 'ec');
let proxy: TestProxy;

beforeAll(async () => {
  const hosts = [host('rsa.example', [], RSA.id), host('*.wild.example', [], RSA.id), host('ec.example', [], EC.id)];
  proxy = await startProxy(table(hosts, [], { certificates: [RSA, EC] }));
});
afterAll(() => proxy.close());

/** What comes of a handshake: `done` and the version, or why there is none. */
function attempt(servername: string, options: tls.ConnectionOptions): Promise<string> {
  const socket = tls.connect({ port: proxy.httpsPort, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options });
  return new Promise<string>((resolve) => {
    socket
      .on('secureConnect', () => resolve(`done ${socket.getProtocol()}`))
      .on('error', ({ message }) => resolve(message))
      .on('close', () => resolve('closed'));
  }).finally(() => socket.destroy());
}

const INSECURE = '@SECLEVEL=0';

describe('B9: versions', () => {
  it.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
    for (const name of ['rsa.example', 'ec.example', '', 'unknown.example']) {
      const outcome = await attempt(name, { minVersion: version, maxVersion: version, ciphers: `ALL:${INSECURE}` });
      expect([name, outcome]).toEqual([name, expect.stringMatching(/alert (number 70|protocol version)/)]);
    }
  });

  it('SSL 2 and SSL 3 are refused', async () => {
    const hello = clientHello([Buffer.from('ec.example')]);
    const ssl3 = Buffer.from(hello);
    ssl3.writeUInt16BE(0x0300, 1);
    ssl3.writeUInt16BE(0x0300, 9);
    // CLIENT-HELLO of SSL 2: version 2, one cipher, no session, a challenge.
    const ssl2 = Buffer.concat([Buffer.from('802e01000200030000001001008000', 'hex').subarray(0, 11), Buffer.alloc(40, 1)]);
    for (const bytes of [ssl3, ssl2]) {
      const received = await new Promise<Buffer>((resolve) => {
        const socket = net.connect(proxy.httpsPort, '127.0.0.1', () => socket.write(bytes));
        const pieces: Buffer[] = [];
        socket
          .on('data', (piece) => pieces.push(piece))
          .on('close', () => resolve(Buffer.concat(pieces)))
          .on('error', () => undefined);
      });
      // An alert, or nothing: no ServerHello.
      expect([undefined, 21]).toContain(received[0]);
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is taken', async (version) => {
    expect(await attempt('ec.example', { minVersion: version, maxVersion: version })).toBe(`done ${version}`);
  });
});

describe('B9: suites', () => {
  it.each([
    ['rsa.example', 'RSA'],
    ['ec.example', 'ECDSA'],
  ])('of TLS 1.2 are those with forward secrecy and authenticated encryption: %s', async (name, type) => {
    const taken: string[] = [];
    const all = tls
      .getCiphers()
      .map((cipher) => cipher.toUpperCase())
      .filter((cipher) => !cipher.startsWith('TLS_'));
    for (const cipher of [...all, 'NULL-SHA256', 'RC4-SHA', 'DES-CBC3-SHA', 'AECDH-AES128-SHA']) {
      let outcome: string;
      try {
        outcome = await attempt(name, { maxVersion: 'TLSv1.2', ciphers: `${cipher}:${INSECURE}` });
      } catch {
        continue; // This OpenSSL cannot even ask for it.
      }
      if (outcome === 'done TLSv1.2') taken.push(cipher);
    }
    const suites = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'];
    expect([...new Set(taken)].sort()).toEqual(suites.map((suite) => `ECDHE-${type}-${suite}`).sort());
  });

  it('are exchanged with curves, never with finite fields', async () => {
    const outcome = async (ecdhCurve: string): Promise<boolean> =>
      (await attempt('ec.example', { ecdhCurve })).startsWith('done');
    for (const group of ['X25519', 'P-256', 'P-384', 'P-521', 'X448', 'X25519MLKEM768'])
      expect([group, await outcome(group)]).toEqual([group, true]);
    for (const group of ['ffdhe2048', 'ffdhe3072', 'ffdhe4096', 'ffdhe8192', 'brainpoolP256r1tls13'])
      expect([group, await outcome(group)]).toEqual([group, false]);
  });

  it('are never compressed, whatever a client offers', async () => {
    const offering = (methods: readonly number[]): Buffer => {
      const hello = clientHello([Buffer.from('ec.example')]);
      // The methods follow the version, the random, the session id and two suites.
      const at = 5 + 4 + 2 + 32 + 1 + 2 + 4;
      expect(hello.subarray(at, at + 2)).toEqual(Buffer.from([1, 0]));
      const bytes = Buffer.concat([hello.subarray(0, at), Buffer.from([methods.length, ...methods]), hello.subarray(at + 2)]);
      bytes.writeUInt16BE(bytes.length - 5, 3);
      bytes.writeUIntBE(bytes.length - 9, 6, 3);
      return bytes;
    };
    const answer = (bytes: Buffer): Promise<Buffer> =>
      new Promise((resolve) => {
        const socket = net.connect(proxy.httpsPort, '127.0.0.1', () => socket.write(bytes));
        socket.once('data', (piece) => resolve(piece)).on('error', () => undefined);
        socket.once('data', () => socket.destroy());
      });
    const hello = await answer(offering([1, 0]));
    // ServerHello: header, version, random, session id, suite, compression method.
    const session = hello[5 + 4 + 2 + 32]!;
    expect([hello[0], hello[5], hello[5 + 4 + 2 + 32 + 1 + session + 2]]).toEqual([22, 2, 0]);
    expect((await answer(offering([1])))[0]).toBe(21);
  });
});

describe.skipIf(skippedWithout('sslscan'))('B9: sslscan', () => {
  it.each(['rsa.example', 'ec.example'])('finds nothing to complain of: %s', async (name) => {
    const xml = await runTool('sslscan', ['--no-colour', '--xml=-', `--sni-name=${name}`, `127.0.0.1:${proxy.httpsPort}`]);
    const tags = (tag: string): string[] => [...xml.matchAll(new RegExp(`<${tag} [^>]*>`, 'g'))].map(([text]) => text);
    const value = (text: string, attribute: string): string => new RegExp(` ${attribute}="([^"]*)"`).exec(text)?.[1] ?? '';
    const enabled = tags('protocol').filter((text) => value(text, 'enabled') === '1');
    expect(enabled.map((text) => value(text, 'type') + value(text, 'version'))).toEqual(['tls1.2', 'tls1.3']);
    expect(tags('renegotiation').map((text) => value(text, 'supported'))).toEqual(['0']);
    expect(tags('heartbleed').filter((text) => value(text, 'vulnerable') !== '0')).toEqual([]);
    const ciphers = tags('cipher');
    expect(ciphers).toHaveLength(6);
    expect(
      ciphers.filter((text) => Number(value(text, 'bits')) < 128 || !/acceptable|strong/.test(value(text, 'strength'))),
    ).toEqual([]);
    expect(tags('group').filter((text) => Number(value(text, 'bits')) < 128)).toEqual([]);
    expect(tags('group').length).toBeGreaterThan(4);
  });
});

describe.skipIf(skippedWithout('openssl'))('openssl s_client', () => {
  it.each([
    ['rsa.example', 'DNS:rsa.example, DNS:*.wild.example'],
    ['any.wild.example', 'DNS:rsa.example, DNS:*.wild.example'],
    ['EC.example', 'DNS:ec.example'],
    ['unknown.example', 'DNS:ingress.local'],
    ['a.any.wild.example', 'DNS:ingress.local'],
    [null, 'DNS:ingress.local'],
  ])('sees the right certificate: %s', async (name, names) => {
    const sni = name === null ? ['-noservername'] : ['-servername', name];
    const session = await runTool('openssl', ['s_client', '-connect', `127.0.0.1:${proxy.httpsPort}`, ...sni]);
    const shown = await runTool('openssl', ['x509', '-noout', '-ext', 'subjectAltName'], session);
    expect(shown).toContain(names);
  });
});
