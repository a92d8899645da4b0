/**
 * R20. A client that names in Connection what a proxy sets or relies on has it stripped on the way.
 * Source: CVE-2024-45410 (Traefik), GHSA-62c8-mh53-4cqv; RFC 9110 §7.6.1.
 */
import { describe } from 'vitest';
import { CONNECTION_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';

describe('D8 R20: Connection', () => {
  testCases(CONNECTION_ROWS);
});
