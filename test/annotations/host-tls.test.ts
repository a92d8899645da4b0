/** What the TLS handshakes of a host have of their own: ssl-ciphers, ssl-prefer-server-ciphers, ssl-protocols, ssl-passthrough. */
import { once } from 'node:events';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { makeCertificate } from '../support/pki.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';
import { tlsBackend } from '../support/upstream-tls.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const AES128 = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const AES256 = 'ECDHE-ECDSA-AES256-GCM-SHA384';
const REQUEST = 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';

interface Seen {
  readonly cipher: string;
  readonly protocol: string | null;
  /** Of the server's certificate. */
  readonly names: string;
  readonly status: string;
}

/** What a client with these options sees; "refused" when there is no handshake. */
async function see(port: number, options: tls.ConnectionOptions = {}): Promise<Seen | 'refused'> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'app.example', rejectUnauthorized: false, ...options });
  try {
    await once(socket, 'secureConnect');
    const { subjectaltname = '' } = socket.getPeerCertificate();
    const cipher = socket.getCipher().name;
    const protocol = socket.getProtocol();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(REQUEST);
    await once(socket, 'end');
    return { cipher, protocol, names: subjectaltname, status: text.slice(9, 12) };
  } catch {
    return 'refused';
  } finally {
    socket.destroy();
  }
}

async function start(
  annotations: Readonly<Record<string, unknown>>,
  translate: Partial<TranslateSettings> = {},
): Promise<{
  readonly port: number;
  readonly codes: readonly string[];
}> {
  const backend = await stage.backend(() => response('served', 'Connection: close\r\n'));
  const proxy = await serve([ingress(annotations, { tls: true }), ...service('app', [backend.port])], { translate });
  stage.watched(proxy);
  return { port: proxy.httpsPort, codes: proxy.diagnostics.map(({ code }) => code) };
}

const OLD = { maxVersion: 'TLSv1.2' as const };

describe('ssl-ciphers', () => {
  it.each([
    // value, what the client offers, what is chosen
    ['default', undefined, `${AES256}:${AES128}`, AES128, []],
    ['typical', AES256, `${AES128}:${AES256}`, AES256, []],
    ['edge: in the order given', `${AES256}:${AES128}`, `${AES128}:${AES256}`, AES256, []],
    ['invalid: the default', 'NO-SUCH-CIPHER', `${AES256}:${AES128}`, AES128, ['AnnotationInvalid']],
    ['invalid: the default', '"; }', `${AES256}:${AES128}`, AES128, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, ciphers, chosen, expected) => {
    const { port, codes } = await start(value === undefined ? {} : { 'ssl-ciphers': value });
    expect(await see(port, { ...OLD, ciphers })).toMatchObject({ cipher: chosen, status: '200' });
    expect(codes).toEqual(expected);
  });

  it('keeps out who has none of them, and says nothing of TLS 1.3', async () => {
    const { port } = await start({ 'ssl-ciphers': AES256 });
    expect(await see(port, { ...OLD, ciphers: AES128 })).toBe('refused');
    expect(await see(port)).toMatchObject({ protocol: 'TLSv1.3', status: '200' });
  });
});

describe('ssl-prefer-server-ciphers', () => {
  it.each([
    ["default: the server's order", undefined, AES128, []],
    ['typical', 'true', AES128, []],
    ["off: the client's order", 'false', AES256, []],
    ["edge: Go's other booleans", 'F', AES256, []],
    ['invalid: the default', 'on', AES128, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, chosen, expected) => {
    const { port, codes } = await start(value === undefined ? {} : { 'ssl-prefer-server-ciphers': value });
    expect(await see(port, { ...OLD, ciphers: `${AES256}:${AES128}` })).toMatchObject({ cipher: chosen });
    expect(codes).toEqual(expected);
  });
});

describe('ssl-protocols', () => {
  const VERSIONS = { 'TLSv1.2': { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, both: {} } as const;
  it.each([
    // value, what a client of TLS 1.2 gets, and one of both
    ['default', undefined, 'TLSv1.2', 'TLSv1.3'],
    ['typical', 'TLSv1.2 TLSv1.3', 'TLSv1.2', 'TLSv1.3'],
    ['typical', 'TLSv1.3', 'refused', 'TLSv1.3'],
    ['edge', 'TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
  ])('%s: %j', async (_, value, old, both) => {
    const { port, codes } = await start(value === undefined ? {} : { 'ssl-protocols': value });
    const version = (seen: Seen | 'refused'): string | null => (seen === 'refused' ? seen : seen.protocol);
    expect([version(await see(port, VERSIONS['TLSv1.2'])), version(await see(port, VERSIONS.both))]).toEqual([old, both]);
    expect(codes).toEqual([]);
  });

  it.each(['SSLv3', 'TLSv1.2; TLSv1.3', '1.3'])('invalid: %j denies', async (value) => {
    const { port, codes } = await start({ 'ssl-protocols': value });
    expect(await see(port)).toMatchObject({ status: '503' });
    expect(codes).toEqual(['AnnotationInvalid']);
  });
});

describe('ssl-passthrough', () => {
  const THEIRS = makeCertificate({ names: ['backend.test'] });
  it.each([
    // value, the flag is given, whose certificate the client sees, status
    ['default', undefined, true, 'DNS:ingress.local', '400'],
    ['typical', 'true', true, 'DNS:backend.test', '200'],
    ['off', 'false', true, 'DNS:ingress.local', '400'],
    ["edge: Go's other booleans", '1', true, 'DNS:backend.test', '200'],
    ['edge: without --enable-ssl-passthrough it denies', 'true', false, 'DNS:ingress.local', '503'],
    ['invalid: denies', 'yes', true, 'DNS:ingress.local', '503'],
  ])('%s: %j', async (_, value, sslPassthrough, names, status) => {
    const backend = stage.opened(await tlsBackend(THEIRS));
    const annotations = value === undefined ? {} : { 'ssl-passthrough': value };
    const proxy = await serve([ingress(annotations, { tls: true }), ...service('app', [backend.port])], {
      translate: { sslPassthrough },
    });
    stage.watched(proxy);
    const seen = await see(proxy.httpsPort);
    expect(seen).toMatchObject({ names });
    // Terminated here, the request goes in the clear to a backend that speaks TLS, which does not take it.
    if (status !== '400') expect(seen).toMatchObject({ status });
  });
});
