/** The servers of profiles: which are kept. Each holds authorities, lists of revoked certificates and private keys outside the heap. */
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Certificate, HostTls } from '../../../src/model/table.ts';
import { makeTicketKeys } from '../../../src/proxy/listener/ticket-keys.ts';
import { TlsContexts } from '../../../src/proxy/listener/tls-contexts.ts';
import { TlsServers } from '../../../src/proxy/listener/tls-servers.ts';
import { ALICE, demands, OTHER_CA, Scene, tableOf } from '../../security/client-certificates/scene.ts';
import { certificate, host, proxySettings } from '../../support/proxy.ts';

const PLAIN: HostTls = { alternative: null, ciphers: null, preferServerCiphers: null, versions: null, clientAuth: null };
const ONE = certificate('one', ['a.example']);
const TWO = certificate('two', ['a.example']);

const sockets: net.Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function start(): { contexts: TlsContexts; servers: TlsServers; handshake: (name: string) => void } {
  const settings = proxySettings();
  const contexts = new TlsContexts(settings);
  contexts.setDefault(ONE);
  for (const each of [ONE, TWO]) contexts.setCertificate(each);
  const servers = new TlsServers({
    settings: () => settings,
    contexts,
    ticketKeys: makeTicketKeys(),
    onSecure: () => undefined,
    staple: () => null,
    onBug: (error) => {
      throw error;
    },
  });
  const handshake = (name: string): void => {
    const socket = new net.Socket();
    sockets.push(socket);
    servers.handshake(socket, name);
    contexts.contextFor(name, contexts.profileFor(name));
  };
  return { contexts, servers, handshake };
}

const own = (name: string, tls: Partial<HostTls> | null, { id }: Certificate = ONE) => ({
  ...host(name, [], id),
  tls: tls === null ? null : { ...PLAIN, ...tls },
});

describe('servers and contexts of a profile', () => {
  it('go with the last host that has it, however often it changes', () => {
    const { contexts, servers, handshake } = start();
    contexts.setHost(own('b.example', { clientAuth: demands() }));
    handshake('b.example');
    for (let depth = 1; depth <= 20; depth++) {
      contexts.setHost(own('a.example', { clientAuth: demands({ depth }) }));
      servers.sweep();
      handshake('a.example');
      expect([depth, servers.size, contexts.size]).toEqual([depth, depth === 1 ? 1 : 2, depth === 1 ? 1 : 2]);
    }
    contexts.setHost(own('a.example', null));
    servers.sweep();
    expect([servers.size, contexts.size]).toEqual([1, 1]);
    contexts.deleteHost('b.example');
    servers.sweep();
    expect([servers.size, contexts.size]).toEqual([0, 0]);
  });

  it('stay while another host has it, or the same host again', () => {
    const { contexts, servers, handshake } = start();
    for (const name of ['a.example', 'b.example']) contexts.setHost(own(name, { clientAuth: demands({ ca: OTHER_CA.cert }) }));
    handshake('a.example');
    const context = contexts.contextFor('a.example', contexts.profileFor('a.example'));
    contexts.deleteHost('b.example');
    contexts.setHost(own('a.example', { clientAuth: demands({ ca: OTHER_CA.cert, passCertificate: true }) }));
    servers.sweep();
    expect([servers.size, contexts.contextFor('a.example', contexts.profileFor('a.example'))]).toEqual([1, context]);
  });

  it('go with either of two certificates: what was replaced is kept nowhere', () => {
    const { contexts, servers, handshake } = start();
    contexts.setHost(own('a.example', { alternative: TWO.id }));
    handshake('a.example');
    servers.sweep();
    expect(servers.size).toBe(1);
    for (let i = 0; i < 5; i++) {
      contexts.setCertificate({ ...TWO, fingerprint: `${i}` });
      servers.sweep();
      expect(servers.size).toBe(0);
      handshake('a.example');
    }
  });

  it('are new when the table begins anew', () => {
    const { contexts, servers, handshake } = start();
    contexts.setHost(own('a.example', { clientAuth: demands() }));
    handshake('a.example');
    contexts.clear();
    servers.sweep();
    expect([servers.size, contexts.size]).toEqual([0, 0]);
  });
});

it('a handshake that has begun ends with the server it began with, though the host and its profile are gone; then there is nothing for it', async () => {
  const swept = vi.spyOn(TlsServers.prototype, 'sweep');
  const scene = await Scene.start({ 'mtls.example': { clientAuth: demands() } });
  try {
    const servers = swept.mock.contexts[0] as TlsServers;
    expect((await scene.get('mtls.example', ALICE)).status).toBe(200);
    expect(servers.size).toBe(1);
    const client = tls.connect({
      port: scene.proxy.httpsPort,
      host: '127.0.0.1',
      servername: 'mtls.example',
      cert: ALICE.chain,
      key: ALICE.key,
      rejectUnauthorized: false,
    });
    sockets.push(client);
    // The server's part of the handshake is done, the client's is not.
    client.once('keylog', () => scene.proxy.runtime.apply(tableOf({ 'mtls.example': null }, scene.backend.port)));
    client.once('secureConnect', () => client.write('GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n'));
    const answer = await new Promise<Buffer>((resolve, reject) => client.once('data', resolve).once('error', reject));
    expect([servers.size, answer.toString('latin1').split('\r\n')[0]]).toEqual([0, 'HTTP/1.1 421 Misdirected Request']);
    expect(scene.forwarded).toHaveLength(1);
  } finally {
    await scene.close();
  }
});
