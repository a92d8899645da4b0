/**
 * Threat: a table that one tenant's objects make impossible to apply ends every worker, and each replacement is given the same
 * table: an outage of all for a bug that concerns one (reference E4; ingress-nginx's one broken location that stops all reloads).
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Certificate, Route, UpstreamGroup } from '../../../src/model/table.ts';
import { eventually } from '../../support/eventually.ts';
import { startPlane, type TestPlane } from '../../support/worker-plane.ts';
import { certificate, group, host, prefixRoute, rawBackend, response } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';

const open: { close: () => Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

// What nothing but a bug of translation can make.
const BROKEN_ROUTE = { ...prefixRoute('/x', 'app'), policies: null } as unknown as Route;
const GOOD = host('good.example', [prefixRoute('/', 'app')]);
const BAD = host('bad.example', [prefixRoute('/', 'app'), BROKEN_ROUTE]);
const get = (name: string): string => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;

async function start(): Promise<TestPlane & { readonly app: UpstreamGroup }> {
  const backend = await rawBackend(() => response('x'));
  open.push(backend);
  const made = startPlane({ workers: 1 });
  open.push({ close: () => made.plane.shutdown(0) });
  return { ...made, app: group('app', [backend.port]) };
}

/** The bugs that were told. */
const bugs = ({ logged }: TestPlane): string[] => logged.map(({ message }) => message);

describe('E4 what cannot be applied', () => {
  it('E4: a host answers 503, as its routes may be what keeps strangers out; every other is served', async () => {
    const made = await start();
    await made.plane.applied(made.publish([BAD, GOOD], [made.app]));
    const { http } = await made.plane.listening;
    expect((await exchange(http, get('bad.example'))).status).toBe(503);
    expect((await exchange(http, get('good.example'))).body).toBe('x');
    expect(bugs(made)).toEqual(['a bug: bad.example answers 503']);
    // A host that was served before, too.
    await made.plane.applied(made.publish([host('bad.example', GOOD.routes), GOOD], [made.app]));
    expect((await exchange(http, get('bad.example'))).status).toBe(200);
    await made.plane.applied(made.publish([BAD, GOOD], [made.app]));
    expect((await exchange(http, get('bad.example'))).status).toBe(503);
    expect(made.plane.workers()[0]!.restarts).toBe(0);
  });

  it('E4: an upstream group keeps its endpoints; every other changes', async () => {
    const made = await start();
    await made.plane.applied(made.publish([GOOD], [made.app]));
    const { http } = await made.plane.listening;
    const other = await rawBackend(() => response('y'));
    open.push(other);
    const groups = [{ ...made.app, endpoints: null } as unknown as UpstreamGroup, group('other', [other.port])];
    const hosts = [GOOD, host('other.example', [prefixRoute('/', 'other')])];
    await made.plane.applied(made.publish(hosts, groups));
    expect((await exchange(http, get('good.example'))).body).toBe('x');
    expect((await exchange(http, get('other.example'))).body).toBe('y');
    expect(bugs(made)).toEqual([expect.stringMatching(/^a bug: the endpoints of .*app.* stay as they were$/)]);
  });

  it('E4: a certificate for clients without SNI keeps the one before it, or TLS waits for one; HTTP is served', async () => {
    const made = await start();
    const good = certificate('good', ['ingress.local']);
    const bad: Certificate = { ...good, fingerprint: 'bad', chain: 'no PEM' };
    made.publish([GOOD], [made.app], { defaultCertificate: bad });
    const { http, https } = await made.plane.listening;
    expect((await exchange(http, get('good.example'))).body).toBe('x');
    await made.plane.applied(made.publish([GOOD], [made.app], { defaultCertificate: good }));
    for (const defaultCertificate of [good, bad]) {
      await made.plane.applied(made.publish([GOOD], [made.app], { defaultCertificate }));
      const client = await RawClient.connectTls(https);
      expect((await client.request(get('good.example'))).body).toBe('x');
      client.close();
    }
    await eventually(() => bugs(made).includes('a bug: the certificate for clients without SNI stays as it was'));
    expect(made.plane.workers()[0]!.restarts).toBe(0);
  });
});
