/**
 * R58. Names that mean something to JavaScript, as keys of plain objects, change prototypes or throw; integers as names collide
 * in V8's hash tables. Source: CVE-2026-21710 (`__proto__` field), CVE-2026-21717 (integer-like strings).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { NAME_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';

describe('D15 R58: names', () => {
  const subject = testCases(NAME_ROWS);

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__.example', '0', '65536'])(
    'the host %s is one that no Ingress names',
    async (name) => {
      const client = await subject().connect();
      for (let i = 0; i < 2; i++) {
        const reply = await client.request(`GET /__proto__ HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        assert.equal(reply.status, 404);
      }
      client.close();
    },
  );

  it('many hosts with integers for names are remembered only so far, and all answered', async () => {
    for (let from = 0; from < 6000; from += 500) {
      const client = await subject().connect();
      const names = Array.from({ length: 500 }, (_, i) => String((from + i) * 65_536));
      client.send(names.map((name) => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`).join(''));
      for (const _ of names) assert.equal((await client.response()).status, 404);
      client.close();
    }
  });
});
