/**
 * R36. When a backend answers before it has read the body, what is left of the body is taken for the next request; an obfuscated
 * Expect brings servers there. Source: PortSwigger, "HTTP/1.1 must die", 2025 (0.CL, CL-expect); CVE-2025-4366 (Pingora).
 */
import { describe } from 'vitest';
import { EARLY_ROWS } from '../cases/desync.ts';
import { EXPECT_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';

describe('D5 R36: an answer before the body', () => {
  testCases([...EXPECT_ROWS, ...EARLY_ROWS]);
});
