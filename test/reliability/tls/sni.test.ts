/**
 * B5, R14, R57, R13: the name a client sends in its ClientHello is the attacker's to choose. In Node an upper-case name missed the
 * context of its host, and with it its demand for client certificates (CVE-2026-48928); an exception in SNICallback ended the
 * process (CVE-2026-21637); where names of certificates overlapped, Traefik gave a random one (traefik#13348).
 */
import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Certificate } from '../../../src/model/table.ts';
import { clientHello, serverAnswer } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import {
  certificate,
  group,
  host,
  prefixRoute,
  rawBackend,
  response,
  startProxy,
  table,
  type TestProxy,
} from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { handshake } from '../../support/tls-client.ts';

const OWN = certificate('own', ['app.example']);
const WILD = certificate('wild', ['*.wild.example', 'exact.wild.example']);
const EXACT = certificate('exact', ['exact.wild.example', '*.wild.example']);
const IDN = certificate('idn', ['xn--bcher-kva.example']);
const DEFAULT = certificate('default', ['ingress.local']);
const HOSTS: readonly (readonly [string, Certificate])[] = [
  ['app.example', OWN],
  ['*.wild.example', WILD],
  ['exact.wild.example', EXACT],
  ['xn--bcher-kva.example', IDN],
];

const open: { close: () => Promise<void> | void }[] = [];
let proxy: TestProxy;

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A proxy with the hosts above, in this order, in front of a backend. */
async function start(hosts = HOSTS, extra: readonly (readonly [string, Certificate])[] = []): Promise<void> {
  const upstream = await rawBackend(() => response('x'));
  open.push(upstream);
  const all = [...hosts, ...extra];
  const virtual = all.map(([name, { id }]) => host(name, [prefixRoute('/', 'app')], id));
  const certificates = all.map(([, one]) => one);
  proxy = await startProxy(table(virtual, [group('app', [upstream.port])], { certificates, defaultCertificate: DEFAULT }));
  open.push(proxy);
}

/** What the server answers to a ClientHello: the names of its certificate, `alert N`, or `closed`. */
function ask(hello: Buffer): Promise<string> {
  const socket = net.connect(proxy.httpsPort, '127.0.0.1');
  let received = Buffer.alloc(0);
  return new Promise<string>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve('closed'));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = serverAnswer(received);
      if (answer instanceof X509Certificate) resolve(answer.subjectAltName ?? '');
      else if (answer !== null) resolve(`alert ${answer}`);
    });
    socket.write(hello);
  }).finally(() => socket.destroy());
}

const named = (name: string | Buffer): Promise<string> =>
  ask(clientHello([typeof name === 'string' ? Buffer.from(name) : name]));

/** Nothing is left open, nothing was thrown, and a good client is served twice on one connection. */
async function stillServes(): Promise<void> {
  const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
  for (let i = 0; i < 2; i++) expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
  client.close();
  expect(proxy.bugs).toEqual([]);
  await eventually(() => proxy.runtime.census().connections === 0);
}

const DEFAULT_NAMES = 'DNS:ingress.local';
const UNRECOGNIZED_NAME = 'alert 112';
const DECODE_ERROR = 'alert 50';

describe('B5: SNI', () => {
  it('chooses the certificate, in any case and with a final dot; what no host has gets the default one', async () => {
    await start();
    expect(await ask(clientHello(null))).toBe(DEFAULT_NAMES);
    for (const name of ['app.example', 'APP.EXAMPLE', 'aPp.Example', 'app.example.', 'APP.EXAMPLE.'])
      expect([name, await named(name)]).toEqual([name, 'DNS:app.example']);
    for (const name of ['xn--bcher-kva.example', 'XN--BCHER-KVA.example', 'xn--bcher-kva.example.'])
      expect([name, await named(name)]).toEqual([name, 'DNS:xn--bcher-kva.example']);
    const others = ['bücher.example', '127.0.0.1', '::1', '[::1]', 'unknown.example', 'app.example..', '.', '.example', 'app'];
    const odd = [
      '',
      '__proto__',
      'constructor',
      '_',
      '*',
      '*.example',
      ' app.example',
      'app.example ',
      'app.example:443',
      'a\r\nb',
    ];
    for (const name of [...others, ...odd, 'a'.repeat(255), `${'a.'.repeat(123)}app.example`.slice(-255), '%00', '\x7f\xff'])
      expect([name, await named(name)]).toEqual([name, DEFAULT_NAMES]);
    await stillServes();
  });

  it('that is no name at all is refused with an alert, and nobody else notices', async () => {
    await start();
    for (const name of ['app.example\0', '\0', '\0app.example', 'app\0.example', 'a'.repeat(256), 'a'.repeat(4000)])
      expect([name.slice(0, 20), await named(name)]).toEqual([name.slice(0, 20), UNRECOGNIZED_NAME]);
    expect(await ask(clientHello([]))).toBe(DECODE_ERROR);
    expect(await ask(clientHello([Buffer.from('app.example'), Buffer.from('exact.wild.example')]))).toBe(DECODE_ERROR);
    await stillServes();
  });

  it('of random bytes, and ClientHellos with a byte changed, never cost more than their connection (R57)', async () => {
    await start();
    // Numerical Recipes' generator: the same bytes in every run.
    let seed = 20_261_123;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const good = clientHello([Buffer.from('app.example')]);
    for (let i = 0; i < 150; i++) {
      expect(await named(Buffer.from(Array.from({ length: 1 + random(255) }, () => 1 + random(255))))).toBe(DEFAULT_NAMES);
      const broken = Buffer.from(good);
      // Behind the lengths of record and message: a longer one would be waited for.
      broken[9 + random(good.length - 9)] = random(256);
      expect(await ask(broken)).toMatch(/^(DNS:|alert \d|closed)/);
    }
    await stillServes();
  });
});

describe('R14: a specific host', () => {
  it('is served with its own certificate, not with that of the wildcard that covers it too', async () => {
    await start();
    for (const name of ['exact.wild.example', 'EXACT.wild.example', 'Exact.Wild.Example.'])
      expect((await handshake(proxy.httpsPort, name)).names).toBe('DNS:exact.wild.example, DNS:*.wild.example');
    for (const name of ['other.wild.example', 'OTHER.wild.example.'])
      expect((await handshake(proxy.httpsPort, name)).names).toBe('DNS:*.wild.example, DNS:exact.wild.example');
    expect((await handshake(proxy.httpsPort, 'a.other.wild.example')).names).toBe(DEFAULT_NAMES);
  });
});

describe('R13: which certificate a host has', () => {
  it('does not depend on the order in which hosts and certificates came, nor on the names other certificates cover', async () => {
    const answers: string[][] = [];
    for (const hosts of [HOSTS, HOSTS.toReversed()]) {
      await start(hosts);
      const names = ['app.example', 'exact.wild.example', 'other.wild.example', 'xn--bcher-kva.example'];
      answers.push(await Promise.all(names.map((name) => named(name))));
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(new Set(answers[0]).size).toBe(4);
  });

  it('is decided by SNI, and the route by Host: without differing TLS settings any pair is served', async () => {
    await start();
    const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
    open.push(client);
    for (const name of ['exact.wild.example', 'app.example', 'APP.example:443'])
      expect((await client.request(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`)).status).toBe(200);
    expect((await client.request('GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n')).status).toBe(404);
  });
});

describe('R57: an exception while a context is made', () => {
  it('costs that handshake; as the default certificate it leaves the one before', async () => {
    const unreadable = { ...OWN, ...certificate('unreadable', ['bad.example']), chain: 'no certificate' };
    await start(HOSTS, [['bad.example', unreadable]]);
    await expect(handshake(proxy.httpsPort, 'bad.example')).rejects.toThrow();
    await stillServes();
    proxy.runtime.apply({ ...table([], []), reset: false, hosts: [], defaultCertificate: unreadable });
    expect(await ask(clientHello(null))).toBe(DEFAULT_NAMES);
    await expect(handshake(proxy.httpsPort, 'unknown.example')).rejects.toThrow();
    expect((await handshake(proxy.httpsPort, 'app.example')).names).toBe('DNS:app.example');
    expect(proxy.bugs).toHaveLength(1);
  });
});
