/**
 * R32. A proxy that decides by the method whether there is a body sends the chunks of a DELETE as the next request.
 * Source: CVE-2026-29057 (Next.js, by way of http-proxy), GHSA-ggv3-7p47-pfv8 (httpxy).
 */
import { describe } from 'vitest';
import { BODY_ROWS, METHOD_ROWS } from '../cases/desync.ts';
import { testCases } from '../support/sluice.ts';

describe('D5 R32: framing does not depend on the method', () => {
  testCases([...METHOD_ROWS, ...BODY_ROWS]);
});
