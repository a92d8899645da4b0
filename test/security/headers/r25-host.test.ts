/**
 * R25. A Host that two servers read differently is routed by one and served by the other.
 * Source: HAProxy commit b743b566b (comma in the authority); RFC 9112 §3.2; RFC 9110 §7.2.
 */
import { describe } from 'vitest';
import { HOST_ROWS } from '../cases/request-line.ts';
import { testCases } from '../support/sluice.ts';

describe('D1 R25: Host', () => {
  testCases(HOST_ROWS);
});
