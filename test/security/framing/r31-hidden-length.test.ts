/**
 * R31. A parser that stops counting fields forwards a body whose length it did not pass on, and the body becomes a request.
 * Source: CVE-2026-58044 (Node.js, fields beyond the limit were hidden, their framing was not).
 */
import { describe } from 'vitest';
import { HIDDEN_ROWS } from '../cases/framing.ts';
import { testCases } from '../support/sluice.ts';

describe('D5 R31: framing behind many fields', () => {
  testCases(HIDDEN_ROWS);
});
