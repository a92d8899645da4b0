/**
 * R30. Two servers that disagree about where a body ends let a client hide a request in it (CL.TE, TE.CL, TE.TE).
 * Source: RFC 9112 §6.1 and §6.3; Linhart et al., "HTTP Request Smuggling", 2005; PortSwigger, "HTTP Desync Attacks", 2019.
 */
import { describe } from 'vitest';
import { BOTH, ENCODING_ROWS, LENGTH_ROWS } from '../cases/framing.ts';
import { testCases } from '../support/sluice.ts';

describe('D1 R30: what says where a body ends', () => {
  testCases([...BOTH, ...LENGTH_ROWS, ...ENCODING_ROWS]);
});
