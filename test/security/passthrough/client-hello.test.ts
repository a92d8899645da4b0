/**
 * TLS that passes through is routed by what a stranger sends before any handshake: a hello in pieces must find its host, and one
 * that is broken, endless or slow must cost its own connection and nothing else. What is not for such a host is terminated here.
 * Source: RFC 8446 §4.1.2 and §5.1, RFC 6066 §3; the ClientHello parsers of SNI proxies (CVE-2023-46747's kin, Envoy
 * GHSA-g4h9-c52h-3mhq); RFC 8701 (GREASE).
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualHost } from '../../../src/model/table.ts';
import { groupId } from '../../../src/model/table.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { clientHello } from '../../support/client-hello.ts';
import { makeCertificate } from '../../support/pki.ts';
import { certificate, group, host, prefixRoute, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { ipv4Addresses, proxyV2 } from '../../support/proxy-header.ts';
import { Stage } from '../../support/stage.ts';
import { tcpBackend, type TcpBackend } from '../../support/stream-backend.ts';
import { handshake } from '../../support/tls-client.ts';

const stage = new Stage();
afterEach(() => stage.close());

const own = makeCertificate({ names: ['pass.example', '*.wild.example'] });
const OURS = 'DNS:ingress.local';
const THEIRS = 'DNS:pass.example, DNS:*.wild.example';

let backend: TcpBackend;
/** What each connection to the backend sent first. */
let firsts: string[];

beforeEach(async () => {
  firsts = [];
  const server = tls.createServer({ cert: own.cert, key: own.key }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  backend = stage.opened(
    await tcpBackend((socket) => {
      socket.once('data', (bytes: Buffer) => {
        const text = bytes.toString('latin1');
        firsts.push(text);
        const header = text.startsWith('PROXY ') ? text.indexOf('\n') + 1 : 0;
        socket.pause();
        if (header < bytes.length) socket.unshift(bytes.subarray(header));
        server.emit('connection', socket);
      });
    }),
  );
});

function passing(name: string): VirtualHost {
  return { ...host(name, [prefixRoute('/', 'app')]), passthrough: groupId('default', 'app', '80') };
}

async function start(settings: Partial<ProxySettings> = {}, ports: readonly number[] = [backend.port]): Promise<TestProxy> {
  const hosts = [passing('pass.example'), passing('*.wild.example'), host('own.wild.example', [prefixRoute('/', 'app')])];
  const patch = table(hosts, [group('app', ports)], { defaultCertificate: certificate('default', ['ingress.local']) });
  return stage.watched(await startProxy(patch, settings));
}

/** The names of the certificate that answers a client whose first bytes come in pieces, each in a packet of its own. 0: whole. */
async function namesFor(port: number, name: string, pieceSize: number): Promise<string> {
  const relay = stage.opened(await tcpBackend((socket) => void cutUp(socket, port, pieceSize)));
  const client = tls.connect({ port: relay.port, host: '127.0.0.1', servername: name, rejectUnauthorized: false });
  await once(client, 'secureConnect');
  const { subjectaltname = '' } = client.getPeerCertificate();
  client.write('hello');
  expect(String((await once(client, 'data'))[0])).toBe('hello');
  client.destroy();
  return subjectaltname;
}

/** Passes the first bytes of `from` on in pieces, and then everything. */
async function cutUp(from: net.Socket, port: number, size: number): Promise<void> {
  const to = net.connect({ port, host: '127.0.0.1', noDelay: true });
  to.on('error', () => undefined).on('close', () => from.destroy());
  from.on('close', () => to.destroy());
  const [first] = (await once(from, 'data')) as [Buffer];
  from.pause();
  const step = size === 0 ? first.length : size;
  for (let at = 0; at < first.length; at += step) {
    to.write(first.subarray(at, at + step));
    await new Promise((resolve) => setImmediate(resolve));
  }
  from.pipe(to);
  to.pipe(from);
}

describe('TLS for a host that passes through', () => {
  it('reaches its backend, whatever pieces the hello comes in', async () => {
    const proxy = await start();
    for (const size of [0, 1, 7, 100]) expect(await namesFor(proxy.httpsPort, 'PASS.example', size)).toBe(THEIRS);
    expect(await namesFor(proxy.httpsPort, 'a.wild.example', 0)).toBe(THEIRS);
    expect(firsts).toHaveLength(5);
  });

  it('is terminated here without SNI, for other names, and for a host of its own below a wildcard', async () => {
    const proxy = await start();
    for (const name of ['', 'unknown.example', 'own.wild.example', 'a.b.wild.example'])
      expect((await handshake(proxy.httpsPort, name)).names).toBe(OURS);
    expect(firsts).toEqual([]);
  });

  it('begins and ends with the table, and costs nobody else', async () => {
    const proxy = await start();
    const open = tls.connect({
      port: proxy.httpsPort,
      host: '127.0.0.1',
      servername: 'pass.example',
      rejectUnauthorized: false,
    });
    await once(open, 'secureConnect');
    proxy.runtime.apply(table([host('pass.example', [prefixRoute('/', 'app')])], [group('app', [backend.port])]));
    expect((await handshake(proxy.httpsPort, 'pass.example')).names).toBe(OURS);
    open.write('still here');
    expect(String((await once(open, 'data'))[0])).toBe('still here');
    open.destroy();
  });

  it('reads a PROXY header in front, and sends one on when asked', async () => {
    const proxy = await start({ useProxyProtocol: true, passthroughProxyProtocol: true });
    const socket = net.connect(proxy.httpsPort, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(proxyV2(ipv4Addresses(443)));
    const client = tls.connect({ socket, servername: 'pass.example', rejectUnauthorized: false });
    await once(client, 'secureConnect');
    expect(firsts[0]!.split('\r\n')[0]).toBe('PROXY TCP4 203.0.113.7 198.51.100.1 51000 443');
    client.destroy();
  });

  it('is closed when no endpoint answers, and the next endpoint is tried first', async () => {
    const closed = stage.opened(await tcpBackend(() => undefined));
    await closed.close();
    const proxy = await start({}, [closed.port, backend.port]);
    for (let i = 0; i < 4; i++) expect((await handshake(proxy.httpsPort, 'pass.example')).names).toBe(THEIRS);
    const none = await start({}, []);
    await expect(handshake(none.httpsPort, 'pass.example')).rejects.toThrow(/closed|ECONNRESET/);
  });
});

describe('a hello', () => {
  it('with GREASE passes', async () => {
    const proxy = await start();
    const client = await stage.client(proxy.httpsPort);
    client.send(greased());
    await client.until(() => client.buffer.length > 0 || client.ended);
    expect(firsts).toEqual([greased().toString('latin1')]);
  });

  it.each([
    ['no TLS at all', Buffer.from('GET / HTTP/1.1\r\nHost: pass.example\r\n\r\n')],
    ['of 64 KiB', endless(65_536)],
    ['in records of one byte', Buffer.concat(Array.from({ length: 4000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])))],
    ['with two names', clientHello([Buffer.from('pass.example'), Buffer.from('own.wild.example')])],
    ['with NUL in its name', clientHello([Buffer.from('pass.example\0.wild.example')])],
  ])('%s is refused and closed', async (_name, bytes) => {
    const proxy = await start();
    const client = await stage.client(proxy.httpsPort);
    client.send(bytes);
    await client.closed();
    expect(client.reset || client.buffer === '\x15\x03\x01\x00\x02\x02\x32').toBe(true);
    expect(firsts).toEqual([]);
    expect((await handshake(proxy.httpsPort, 'pass.example')).names).toBe(THEIRS);
  });

  it('that never ends is closed at its deadline, and others are served meanwhile', async () => {
    const proxy = await start({ tlsHandshakeTimeout: 300 });
    const hello = clientHello([Buffer.from('pass.example')]);
    const slow = await stage.client(proxy.httpsPort);
    slow.send(hello.subarray(0, hello.length - 1));
    const silent = await stage.client(proxy.httpsPort);
    expect((await handshake(proxy.httpsPort, 'pass.example')).names).toBe(THEIRS);
    await Promise.all([slow.closed(), silent.closed()]);
    expect(firsts).toHaveLength(1);
  });
});

/** The start of a hello that announces `size` bytes, and as many bytes of it. */
function endless(size: number): Buffer {
  const record = Buffer.concat([
    Buffer.from([22, 3, 1, 0x3f, 0xff, 1, (size >> 16) & 255, (size >> 8) & 255, size & 255]),
    Buffer.alloc(16_379),
  ]);
  return Buffer.concat([record, record, record, record]).subarray(0, size);
}

/** A hello with reserved cipher suites and extensions in it. */
function greased(): Buffer {
  const hello = clientHello([Buffer.from('pass.example')]);
  const extension = Buffer.from([0x1a, 0x1a, 0, 1, 0]);
  const message = Buffer.concat([hello.subarray(5), extension]);
  // The lengths of the record, of the message and of the extensions grow with it.
  const extensionsAt = 4 + 2 + 32 + 1 + 2 + message.readUInt16BE(39) + 2;
  message.writeUIntBE(message.length - 4, 1, 3);
  message.writeUInt16BE(message.readUInt16BE(extensionsAt) + extension.length, extensionsAt);
  return Buffer.concat([Buffer.from([22, 3, 1, message.length >> 8, message.length & 255]), message]);
}
