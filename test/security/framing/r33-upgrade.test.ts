/**
 * R33. Bytes that a client sends behind an Upgrade or CONNECT head reach the backend as a request when the backend does not
 * switch protocols. Source: CVE-2026-2833 (Pingora), CVE-2026-73548 (Envoy); Traefik #13542 for CONNECT.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { UPGRADE_DESYNC } from '../cases/desync.ts';
import { get, NEXT } from '../support/case.ts';
import { testCases } from '../support/sluice.ts';

const UPGRADE = 'Connection: upgrade\r\nUpgrade: websocket\r\n';

describe('D5 R33: what follows an upgrade', () => {
  const subject = testCases(UPGRADE_DESYNC);

  it('waits for 101, and is then passed on as it is', async () => {
    const client = await subject().connect();
    client.send(`${get(UPGRADE, '/switch')}GET /early HTTP/1.1\r\n\r\n`);
    assert.equal((await client.response()).status, 101);
    const tunnel = subject().backend.connections.find(({ received }) => received.includes('/switch'))!;
    while (!tunnel.received.endsWith('\r\n\r\nGET /early HTTP/1.1\r\n\r\n')) await new Promise(setImmediate);
    client.close();
    while (!tunnel.closed) await new Promise(setImmediate);
  });

  it.each([
    ['an upgrade', get(UPGRADE).replace('app.example', 'unknown.example'), 404],
    ['CONNECT', get().replace('GET', 'CONNECT'), 405],
  ])('is not read as a request when we answer %s ourselves', async (_, text, status) => {
    const client = await subject().connect();
    client.send(text + NEXT);
    assert.equal((await client.response()).status, status);
    await client.closed();
    assert.equal(client.buffer, '');
    client.close();
  });
});
