import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { MAX_CLIENT_HELLO, readClientHello } from '../../../src/proxy/listener/client-hello.ts';
import { clientHello } from '../../support/client-hello.ts';
import { makeCertificate } from '../../support/pki.ts';

/** What OpenSSL sends first. */
async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = tls.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', ...options });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

/** The same handshake message in records of `size` bytes. */
function refragmented(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 255]), fragment);
  }
  return Buffer.concat(records);
}

const one = (name: string): Buffer => clientHello([Buffer.from(name, 'latin1')]);

const identity = makeCertificate({ names: ['a.example'] });

/** The name OpenSSL sees in a hello: null without one, undefined when it never asks for a certificate. */
function nameForOpenSsl(hello: Buffer): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    let seen: string | null | undefined;
    const wire = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        done();
        // Its flight, if it is no alert: it took the hello.
        if (chunk[0] !== 21) finish(seen ?? null);
      },
    });
    const socket = new tls.TLSSocket(wire, {
      isServer: true,
      secureContext: tls.createSecureContext({ cert: identity.cert, key: identity.key }),
      SNICallback: (name, done) => {
        seen = name;
        done(null, undefined);
      },
    });
    const finish = (name: string | null | undefined): void => {
      socket.destroy();
      wire.destroy();
      resolve(name);
    };
    for (const event of ['_tlsError', 'error', 'end', 'close']) socket.on(event, () => finish(seen));
    socket.resume();
    wire.push(hello);
    // It waits for more.
    setTimeout(() => finish(undefined), 500).unref();
  });
}

describe('readClientHello', () => {
  it('reads name and protocols of a real client, from TLS 1.2 and 1.3', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const protocol = { minVersion: version, maxVersion: version };
      const named = await helloOf({ servername: 'App.Example', ALPNProtocols: ['h2', 'http/1.1'], ...protocol });
      assert.deepEqual(readClientHello(named), { serverName: 'app.example', alpn: ['h2', 'http/1.1'] });
      assert.deepEqual(readClientHello(await helloOf(protocol)), { serverName: null, alpn: [] });
    }
  });

  it('wants more after every part of a hello, in records of any size, and ignores what follows it', async () => {
    const hello = await helloOf({ servername: 'app.example', ALPNProtocols: ['http/1.1'] });
    const wanted = { serverName: 'app.example', alpn: ['http/1.1'] };
    for (const size of [1, 2, 3, 5, 100, 16_384]) {
      const records = refragmented(hello, size);
      for (let length = 0; length < records.length; length++)
        assert.equal(readClientHello(records.subarray(0, length)), 'more', `${size}: ${length}`);
      assert.deepEqual(readClientHello(records), wanted);
      assert.deepEqual(readClientHello(Buffer.concat([records, Buffer.from('garbage')])), wanted);
    }
  });

  it('takes a final dot and capitals off the name', () => {
    assert.deepEqual(readClientHello(one('APP.Example.')), { serverName: 'app.example', alpn: [] });
  });

  it('says of what is no hello that it is invalid, with its first wrong byte', () => {
    const hello = one('app.example');
    const broken = (at: number, value: number): Buffer => {
      const copy = Buffer.from(hello);
      copy[at] = value;
      return copy;
    };
    const invalid: Record<string, Buffer> = {
      'plain HTTP': Buffer.from('G'),
      'SSL 2': Buffer.from([0x80, 0x2e, 1, 3, 1]),
      'another record': broken(0, 23),
      'another version': broken(1, 2),
      'an empty record': Buffer.from([22, 3, 1, 0, 0]),
      'a record too long': Buffer.from([22, 3, 1, 0x40, 1]),
      'another message': Buffer.from([22, 3, 1, 0, 1, 2]),
      'a hello too long': Buffer.from([22, 3, 1, 0x40, 0, 1, 1, 0, 0]),
      'another record in between': Buffer.concat([refragmented(hello.subarray(0, 45), 40), Buffer.from([21])]),
      'two names': clientHello([Buffer.from('a.example'), Buffer.from('b.example')]),
      'no name in the extension': clientHello([]),
      'an empty name': one(''),
      'a name with NUL': one('a\0.example'),
      'a name too long': one('a'.repeat(256)),
    };
    for (const [name, bytes] of Object.entries(invalid)) assert.equal(readClientHello(bytes), 'invalid', name);
  });

  it('waits for no hello beyond the limit, though its records be small', () => {
    const part = Buffer.concat([Buffer.from([22, 3, 1, 0, 8, 1, 0, 0x3f, 0xf0, 0, 0, 0, 0]), Buffer.alloc(0)]);
    const records = Buffer.alloc(MAX_CLIENT_HELLO);
    for (let at = 0; at < records.length; at += 6) records.set([22, 3, 1, 0, 1, 0].slice(0, records.length - at), at);
    const endless = Buffer.concat([part, records]);
    assert.equal(readClientHello(endless.subarray(0, MAX_CLIENT_HELLO - 1)), 'more');
    assert.equal(readClientHello(endless.subarray(0, MAX_CLIENT_HELLO)), 'invalid');
  });

  it('never throws, and sees no other name than OpenSSL does, whatever byte is damaged', async () => {
    const base = [one('app.example'), await helloOf({ servername: 'app.example', ALPNProtocols: ['h2'] })];
    const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255), fc.constantFrom('set', 'drop', 'add')), { maxLength: 3 });
    let agreed = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(1), damage, async (which, changes) => {
        let bytes = Buffer.from(base[which]!);
        for (const [at, value, how] of changes) {
          if (how === 'set' && at < bytes.length) bytes[at] = value;
          else if (how !== 'set')
            bytes = Buffer.concat([
              bytes.subarray(0, at),
              Buffer.from(how === 'add' ? [value] : []),
              bytes.subarray(how === 'add' ? at : at + 1),
            ]);
        }
        const ours = readClientHello(bytes);
        if (typeof ours === 'string') return;
        const theirs = await nameForOpenSsl(bytes);
        if (theirs === undefined) return;
        agreed++;
        // OpenSSL asks for no certificate when there is no name.
        assert.equal(ours.serverName, theirs === null ? null : theirs.toLowerCase().replace(/\.$/, ''));
      }),
      { numRuns: 300, seed: 4 },
    );
    assert.ok(agreed > 50, String(agreed));
  });
});
