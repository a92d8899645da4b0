/**
 * R34. An upgrade to cleartext HTTP/2 that a proxy passes on is a tunnel in which no request is looked at any more.
 * Source: BishopFox, "h2c Smuggling", 2020 (h2csmuggler).
 */
import { describe } from 'vitest';
import { UPGRADE_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';

describe('D5 R34: upgrades to HTTP/2', () => {
  testCases(UPGRADE_ROWS);
});
