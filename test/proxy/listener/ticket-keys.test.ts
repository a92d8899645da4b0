/** When the keys of session tickets are replaced. */
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { TicketKeys } from '../../../src/proxy/listener/ticket-keys.ts';

const HOUR = 3_600_000;

it('replaces the keys after an hour, or after the session timeout where that is longer', () => {
  const keys = new TicketKeys(1000);
  const first = keys.current;
  expect(keys.renew(1000 + HOUR - 1, 600_000)).toBe(false);
  expect(keys.renew(1000 + HOUR, 2 * HOUR)).toBe(false);
  expect(keys.current).toBe(first);
  expect(keys.renew(1000 + HOUR, 600_000)).toBe(true);
  expect(keys.current.equals(first)).toBe(false);
  // Their hour began with them.
  expect(keys.renew(1000 + 2 * HOUR - 1, 600_000)).toBe(false);
  expect(keys.renew(1000 + 2 * HOUR, 600_000)).toBe(true);
});

it('makes keys that no print shows, and none twice', () => {
  const keys = new TicketKeys(0).current;
  expect(keys.symmetricKeySize).toBe(48);
  expect(inspect(keys, { depth: 9 }) + JSON.stringify(keys)).not.toContain(keys.export().toString('hex').slice(0, 8));
  expect(new TicketKeys(0).current.equals(keys)).toBe(false);
});
