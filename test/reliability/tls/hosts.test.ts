/**
 * What hosts of one listener may have each for itself, and what must not leak from one to the other: certificates of two key types,
 * versions (`ssl-protocols`), cipher lists (`ssl-ciphers`), whose order counts (`ssl-prefer-server-ciphers`), and `ssl-reject-handshake`. Of an SNI context Node
 * takes one certificate and no ciphers.
 */
import { createPrivateKey } from 'node:crypto';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { certificateId, type Certificate, type HostTls } from '../../../src/model/table.ts';
import { eventually } from '../../support/eventually.ts';
import { makeCertificate } from '../../support/pki.ts';
import {
  certificate,
  group,
  host,
  prefixRoute,
  proxySettings,
  rawBackend,
  response,
  startProxy,
  table,
  type TestProxy,
} from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { handshake } from '../../support/tls-client.ts';

const PLAIN: HostTls = { alternative: null, ciphers: null, preferServerCiphers: null, versions: null, clientAuth: null };
const AES128 = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const AES256 = 'ECDHE-ECDSA-AES256-GCM-SHA384';

const open: { close: () => Promise<void> | void }[] = [];
let proxy: TestProxy;
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function rsa(name: string, names: readonly string[], key = 'leaf'): Certificate {
  const made = makeCertificate({ names, keyType: 'rsa' });
  return {
    ...certificate(`${name}-${key}`, names),
    chain: made.cert,
    key: createPrivateKey(made.key),
    id: certificateId('default', name),
  };
}

/** The cipher, the type of the server's key and its names, as a client with these options sees them. */
async function seen(servername: string, options: tls.ConnectionOptions = {}): Promise<string> {
  const socket = tls.connect({ port: proxy.httpsPort, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options });
  return new Promise<string>((resolve) => {
    socket.on('secureConnect', () => {
      const { subjectaltname, asn1Curve } = socket.getPeerCertificate();
      resolve(`${socket.getCipher().standardName} ${asn1Curve === undefined ? 'RSA' : 'EC'} ${subjectaltname}`);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  }).finally(() => socket.destroy());
}

describe('a host with certificates of two key types', () => {
  const EC = certificate('ec', ['two.example']);
  const RSA = rsa('rsa', ['two.example']);
  const start = async (): Promise<void> => {
    const hosts = [
      { ...host('two.example', [], EC.id), tls: { ...PLAIN, alternative: RSA.id } },
      host('one.example', [], EC.id),
    ];
    proxy = await startProxy(table(hosts, [], { certificates: [EC, RSA] }));
    open.push(proxy);
  };

  it('serves each client with what it can use, ECDSA where it can use both', async () => {
    await start();
    const old = { maxVersion: 'TLSv1.2' as const };
    expect(await seen('two.example', old)).toMatch(/ECDSA\S* EC DNS:two.example$/);
    expect(await seen('two.example', { ...old, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toMatch(
      /RSA\S* RSA DNS:two.example$/,
    );
    expect(await seen('two.example', { ...old, ciphers: AES128 })).toMatch(/ECDSA\S* EC DNS:two.example$/);
    expect(await seen('TWO.example.')).toMatch(/^TLS_\S+ EC DNS:two.example$/);
    expect(await seen('two.example', { sigalgs: 'rsa_pss_rsae_sha256:RSA+SHA256' })).toMatch(/^TLS_\S+ RSA DNS:two.example$/);
    expect(await seen('one.example', { ...old, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toMatch(/^ERR_SSL|alert/);
  });

  it('resumes its sessions, and serves a new certificate of either type with the next handshake', async () => {
    await start();
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { session } = await handshake(proxy.httpsPort, 'two.example', { maxVersion });
      expect((await handshake(proxy.httpsPort, 'two.example', { maxVersion, session })).resumed).toBe(true);
      expect((await handshake(proxy.httpsPort, 'one.example', { maxVersion, session })).resumed).toBe(false);
    }
    const fresh = { ...rsa('rsa', ['two.example', 'new.example'], 'second'), fingerprint: 'fresh' };
    const patch = { ...table([], [], { certificates: [fresh] }), reset: false, hosts: [] };
    proxy.runtime.apply(patch);
    const old = { maxVersion: 'TLSv1.2' as const, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' };
    expect(await seen('two.example', old)).toMatch(/RSA DNS:two.example, DNS:new.example$/);
    // One of the two goes: the other serves alone.
    proxy.runtime.apply({ ...patch, certificates: [], removedCertificates: [fresh.id] });
    expect(await seen('two.example', old)).toMatch(/^ERR_SSL|alert/);
    expect(await seen('two.example')).toMatch(/ EC DNS:two.example$/);
  });
});

describe('ssl-protocols', () => {
  it('holds for its host alone, over HTTP/1.1 and in one table with others', async () => {
    const own = certificate('own', ['new.example', 'old.example', 'plain.example']);
    const hosts = [
      { ...host('new.example', [], own.id), tls: { ...PLAIN, versions: { min: 'TLSv1.3', max: 'TLSv1.3' } as const } },
      { ...host('old.example', [], own.id), tls: { ...PLAIN, versions: { min: 'TLSv1.2', max: 'TLSv1.2' } as const } },
      host('plain.example', [], own.id),
    ];
    proxy = await startProxy(table(hosts, [], { certificates: [own] }));
    open.push(proxy);
    const offered = async (name: string): Promise<readonly boolean[]> => {
      const found: boolean[] = [];
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
        found.push((await seen(name, { minVersion: version, maxVersion: version })).startsWith('TLS_'));
      return found;
    };
    expect(await offered('new.example')).toEqual([false, true]);
    expect(await offered('NEW.example.')).toEqual([false, true]);
    expect(await offered('old.example')).toEqual([true, false]);
    expect(await offered('plain.example')).toEqual([true, true]);
    expect(await offered('none.example')).toEqual([true, true]);
  });
});

describe('ssl-ciphers and ssl-prefer-server-ciphers', () => {
  it('hold for their host alone, with TLS 1.2', async () => {
    const own = certificate('own', ['strict.example', 'client.example', 'plain.example']);
    const hosts = [
      { ...host('strict.example', [], own.id), tls: { ...PLAIN, ciphers: AES256 } },
      { ...host('client.example', [], own.id), tls: { ...PLAIN, preferServerCiphers: false } },
      host('plain.example', [], own.id),
    ];
    proxy = await startProxy(table(hosts, [], { certificates: [own] }));
    open.push(proxy);
    const asks = (ciphers: string): tls.ConnectionOptions => ({ maxVersion: 'TLSv1.2', ciphers });
    const cipherOf = async (name: string, ciphers: string): Promise<string> => (await seen(name, asks(ciphers))).split(' ')[0]!;
    expect(await cipherOf('strict.example', `${AES128}:${AES256}`)).toBe('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
    expect(await cipherOf('strict.example', AES128)).toMatch(/^ERR_SSL/);
    expect(await cipherOf('plain.example', `${AES256}:${AES128}`)).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256');
    expect(await cipherOf('client.example', `${AES256}:${AES128}`)).toBe('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
    expect(await cipherOf('client.example', `${AES128}:${AES256}`)).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256');
    expect(await seen('strict.example')).toMatch(/^TLS_AES/);
  });
});

describe('ssl-reject-handshake', () => {
  it('lets nobody in by another name than a host has, and leaves the others alone', async () => {
    const upstream = await rawBackend(() => response('x'));
    open.push(upstream);
    const own = certificate('own', ['app.example']);
    const routes = [prefixRoute('/', 'app')];
    const hosts = [host('app.example', routes, own.id), host('bare.example', routes), host('*.wild.example', routes, own.id)];
    const patch = table(hosts, [group('app', [upstream.port])], { certificates: [own] });
    proxy = await startProxy(patch, { tlsRejectUnknown: true });
    open.push(proxy);
    for (const name of ['app.example', 'APP.example.', 'a.wild.example'])
      expect([name, await seen(name)]).toEqual([name, expect.stringContaining('DNS:app.example')]);
    // A host without a certificate of its own is known all the same.
    expect(await seen('bare.example')).toContain('DNS:ingress.local');
    for (const name of ['', 'other.example', 'example', 'x.app.example', '_'])
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
        expect([name, maxVersion, await seen(name, { maxVersion })]).toEqual([
          name,
          maxVersion,
          expect.stringMatching(/^(ECONNRESET|closed|ERR_SSL)/),
        ]);
    const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
    expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
    client.close();
    expect(proxy.bugs).toEqual([]);
    await eventually(() => proxy.runtime.census().connections === 0);
    proxy.runtime.configure(proxySettings({ tlsRejectUnknown: false }));
    expect(await seen('other.example')).toContain('DNS:ingress.local');
    expect(await seen('')).toContain('DNS:ingress.local');
  });

  it('is an alert for clients that ask for OCSP too, of whom there is no certificate to staple', async () => {
    const own = certificate('own', ['app.example']);
    const settings = { tlsRejectUnknown: true, ocspStapling: true };
    proxy = await startProxy(table([host('app.example', [], own.id)], [], { certificates: [own] }), settings);
    open.push(proxy);
    proxy.runtime.staples.change([['of another', { response: Buffer.from('staple'), validUntil: Infinity }]]);
    for (const name of ['', 'other.example'])
      expect([name, await seen(name, { requestOCSP: true })]).toEqual([name, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE']);
    expect(await seen('app.example', { requestOCSP: true })).toContain('DNS:app.example');
  });
});
