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
import { sluiceSubject, testCases } from '../support/sluice.ts';

describe('D1 R38: the grammar', () => {
  testCases([...LINE_ROWS, ...FIELD_ROWS, ...CHUNK_ROWS]);

  it('a method we have not heard of is passed on, as nginx does, and frames nothing', async () => {
    const subject = await sluiceSubject();
    const client = await subject.connect();
    const reply = await client.request('BREW /pot HTTP/1.1\r\nHost: app.example\r\nContent-Length: 3\r\n\r\ntea');
    assert.equal(reply.body, 'BREW /pot 3');
    client.close();
    // Its bytes are not for the readers, of which one knows no such method.
    assert.equal(subject.backend.connections.length, 1);
    subject.backend.connections[0]!.received = '';
    await subject.close();
  });
});
