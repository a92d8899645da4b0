/**
 * Threat: a name server that is down, slow, or answers without end, through an ExternalName Service that any tenant may make:
 * requests that wait for ever, look-ups that pile up, a crash (CVE-2026-58042: more than 256 addresses abort Node's resolveAny;
 * reference E8).
 */
import net from 'node:net';
import os from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { Lookup } from '../../../src/proxy/upstream/resolver.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';

type Done = Parameters<Lookup>[1];

const open: { close: () => Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const get = (name: string): string => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
/** An address of this machine that is no loopback address: the resolver refuses those. */
const OWN = Object.values(os.networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address;

/** `named.example` is an ExternalName on this port, `plain.example` a backend. */
async function serve(port: number, lookup: Lookup): Promise<TestProxy> {
  const backend = await rawBackend(() => response('plain'));
  open.push(backend);
  const endpoints = [{ address: 'ext.example', port, dns: true }];
  const hosts = [host('named.example', [prefixRoute('/', 'named')]), host('plain.example', [prefixRoute('/', 'plain')])];
  const proxy = await startProxy(
    table(hosts, [{ ...group('named', []), endpoints }, group('plain', [backend.port])]),
    { upstreamConnectTimeout: 200 },
    lookup,
  );
  open.push({
    close: async () => {
      await eventually(() => proxy.runtime.census().connections === 0);
      expect(proxy.runtime.census().deadlines).toBe(proxy.runtime.census().upstreams);
      expect(proxy.bugs).toEqual([]);
      await proxy.close();
    },
  });
  return proxy;
}

async function client(proxy: TestProxy): Promise<RawClient> {
  const one = await RawClient.connect(proxy.port);
  open.push(one);
  return one;
}

describe('E8 a name server', () => {
  it('E8: that does not answer costs its own requests a bounded time and others nothing; it is asked once', async () => {
    const asked: Done[] = [];
    const proxy = await serve(1, (_, done) => asked.push(done));
    const [slow, other] = [await client(proxy), await client(proxy)];
    slow.send(get('named.example'));
    expect((await other.request(get('plain.example'))).body).toBe('plain');
    expect((await slow.response()).status).toBe(502);
    // The connection is as good as before.
    expect((await slow.request(get('named.example'))).status).toBe(502);
    expect((await slow.request(get('plain.example'))).body).toBe('plain');
    expect(asked).toHaveLength(1);
    // An answer that comes too late concerns nobody any more.
    asked[0]!(null, ['192.0.2.1']);
    expect((await slow.request(get('plain.example'))).body).toBe('plain');
  });

  it('E8: that gives 500 addresses, or nonsense, harms nothing', async () => {
    const answers = [Array.from({ length: 500 }, (_, i) => `192.0.2.${i % 256}`), ['not an address'], ['::ffff:999.1.1.1']];
    for (const answer of answers) {
      const proxy = await serve(1, (_, done) => done(null, answer));
      const one = await client(proxy);
      for (let i = 0; i < 2; i++) expect((await one.request(get('named.example'))).status).toBeGreaterThanOrEqual(502);
      expect((await one.request(get('plain.example'))).body).toBe('plain');
    }
  });

  it.skipIf(OWN === undefined)('E8: that goes down leaves the last good address in use', async () => {
    const backend = net.createServer((socket) => {
      socket.on('error', () => undefined);
      // Each on a connection of its own, so that each asks for the name.
      socket.on('data', () => socket.end(response('named', 'Connection: close\r\n')));
    });
    await new Promise<void>((resolve) => backend.listen(0, OWN, resolve));
    open.push({ close: () => void backend.close() });
    let asked = 0;
    let down = false;
    const proxy = await serve((backend.address() as net.AddressInfo).port, (_, done) => {
      asked++;
      if (down) done(new Error('EAI_AGAIN'), []);
      else done(null, [OWN!]);
    });
    const one = await client(proxy);
    expect((await one.request(get('named.example'))).body).toBe('named');
    down = true;
    // An answer is believed for a second; then the name is asked for, and asked for again.
    await eventually(async () => {
      expect((await one.request(get('named.example'))).body).toBe('named');
      return asked >= 3;
    });
  });
});
