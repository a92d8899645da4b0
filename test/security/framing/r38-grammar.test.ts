/**
 * R38, R27. A byte that one parser skips and another takes for the end of a line or a head moves everything behind it.
 * Source: RFC 9112 §2.2, §3, §5, §7.1; CVE-2023-25725 and CVE-2023-40225 (HAProxy), CVE-2023-30589, CVE-2024-27982 and
 * CVE-2025-23167 (Node.js), CVE-2019-9900 (Envoy, NUL); Http11Probe.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { CHUNK_ROWS } from '../cases/chunks.ts';
import { FIELD_ROWS } from '../cases/fields.ts';
import { LINE_ROWS } from '../cases/request-line.ts';
import { fresh, get, ID } from '../support/case.ts';
import { testCases } from '../support/sluice.ts';

describe('D1 R38: the grammar', () => {
  const subject = testCases([...LINE_ROWS, ...FIELD_ROWS, ...CHUNK_ROWS]);

  it.each(['\r\n', 'GET', 'GET / HTTP/1.1\r\nHost: app.exam'])(
    'a head of which only %j came before the client ended is not waited for',
    async (begun) => {
      const client = await subject().connect();
      client.send(get() + begun);
      client.socket.end();
      await client.closed();
      assert.equal(client.buffer.split('HTTP/1.1 ').length, 2);
      client.close();
    },
  );

  it('a client that has ended its side is closed with the last answer, also one of our own', async () => {
    const client = await subject().connect();
    client.send(get() + get().replace('app.example', 'nobody.example'));
    client.socket.end();
    await client.closed();
    assert.equal(client.buffer.split('HTTP/1.1 ').length, 3);
    client.close();
  });

  it('a client that ends its side in the middle of its answer is closed behind it', async () => {
    const { id, text } = fresh(get('', `/hold/${ID}`));
    const client = await subject().connect();
    client.send(text);
    while (subject().backend.bytesWith(id) === '') await new Promise(setImmediate);
    const held = subject().backend.connections.find(({ received }) => received.includes(id))!;
    held.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
    await client.until(() => client.buffer.endsWith('\r\n\r\na'));
    client.socket.end();
    // The proxy knows of the end when it has answered another client since.
    await subject().alive();
    held.socket.write('b');
    await client.closed();
    assert.ok(client.buffer.endsWith('ab'));
    client.close();
  });

  it('a method we have not heard of is passed on, as nginx does, and frames nothing', async () => {
    const client = await subject().connect();
    for (let i = 0; i < 2; i++) {
      const reply = await client.request('BREW /pot HTTP/1.1\r\nHost: app.example\r\nContent-Length: 3\r\n\r\ntea');
      assert.equal(reply.body, 'BREW /pot 3');
    }
    client.close();
  });
});
