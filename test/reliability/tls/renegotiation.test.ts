/**
 * Renegotiation: over one TLS 1.2 connection a client may ask for handshake after handshake, each of which costs the server ten times
 * what it costs the client (CVE-2011-1473). Node allows three in ten minutes; RFC 8446 has abolished it, and nginx refuses it.
 */
import type { TLSSocket } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { response } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

afterEach(() => stage.close());

it('a client that renegotiates gets no further handshake, and the others are served', async () => {
  const upstream = await stage.backend(() => response('x'));
  const proxy = await stage.proxyTo([upstream.port]);
  const options = { servername: 'app.example', maxVersion: 'TLSv1.2' } as const;
  const client = await RawClient.connectTls(proxy.httpsPort, options);
  const other = await RawClient.connectTls(proxy.httpsPort, options);
  expect((await client.request(GET)).status).toBe(200);
  const socket = client.socket as TLSSocket;
  let renegotiated = 0;
  socket.on('secure', () => renegotiated++);
  const refused = new Promise<Error>((resolve) => socket.on('error', resolve));
  socket.renegotiate({}, () => undefined);
  expect((await refused).message).toMatch(/no renegotiation/iu);
  expect(renegotiated).toBe(0);
  for (let i = 0; i < 2; i++) expect((await other.request(GET)).status).toBe(200);
  client.close();
  other.close();
  await eventually(() => proxy.runtime.census().connections === 0);
});
