/**
 * R41, R39. A server that merges trailers into the head lets a client set fields that were checked before the body came.
 * Source: RFC 9110 §6.5.1; Http11Probe's SMUG-TRAILER rows.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { TRAILER_ROWS } from '../cases/chunks.ts';
import { chunked, fresh, get } from '../support/case.ts';
import { testCases } from '../support/sluice.ts';

describe('D1 R41: trailers', () => {
  const subject = testCases(TRAILER_ROWS);

  it('that are harmless reach the backend behind the body, not in the head', async () => {
    const { text, id } = fresh(chunked('1\r\na\r\n0\r\nX-Checksum: 1\r\n\r\n'));
    const client = await subject().connect();
    assert.equal((await client.request(text)).status, 200);
    const bytes = subject().backend.bytesWith(id);
    assert.ok(bytes.includes('1\r\na\r\n0\r\nX-Checksum: 1\r\n\r\n'));
    assert.ok(
      !subject()
        .backend.requests.find(({ target }) => target.includes(id))!
        .head.includes('X-Checksum'),
    );
    client.close();
  });

  it.each([
    ['', ''],
    ['TE: trailers\r\n', 'X-Ok: 1\r\n'],
  ])('of a response go to a client that sent %j, without those that frame or set cookies', async (fields, expected) => {
    const { text, id } = fresh(get(fields, '/hold/x0000000'));
    const client = await subject().connect();
    client.send(text);
    while (subject().backend.bytesWith(id) === '') await new Promise(setImmediate);
    const held = subject().backend.connections.find(({ received }) => received.includes(id))!;
    const trailers = 'Content-Length: 9\r\nSet-Cookie: a=b\r\nX-Ok: 1\r\nTransfer-Encoding: chunked\r\n';
    held.socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${trailers}\r\n`);
    const reply = await client.response();
    assert.equal(reply.body, 'a');
    assert.equal(reply.trailers, expected);
    client.close();
  });
});
