/**
 * R24. A proxy that connects to where the target of a request points is one that attackers use from the inside (SSRF).
 * Source: CVE-2026-44578 (Next.js, GHSA-c4j6-fc7j-m34r); RFC 9112 §3.2.2.
 */
import { describe } from 'vitest';
import { ABSOLUTE_ROWS } from '../cases/request-line.ts';
import { testCases } from '../support/sluice.ts';

describe('D1 R24: the target never chooses the backend', () => {
  testCases(ABSOLUTE_ROWS);
});
