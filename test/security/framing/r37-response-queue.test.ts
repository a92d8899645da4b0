/**
 * R37. A response that a backend writes unasked on a pooled connection is given to the client that uses the connection next.
 * Source: CVE-2026-48931 (Node.js), undici #5606.
 */
import { describe } from 'vitest';
import { QUEUE_ROWS } from '../cases/desync.ts';
import { testCases } from '../support/sluice.ts';

describe('D5 R37: responses nobody asked for', () => {
  testCases(QUEUE_ROWS);
});
