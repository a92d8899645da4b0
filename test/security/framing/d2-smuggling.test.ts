/**
 * D2. Every way to write a Transfer-Encoding that one server heeds and another does not, beside a Content-Length.
 * Source: smuggler.py (defparam) and PortSwigger's HTTP Request Smuggler, whose mutations these are.
 */
import { expect, it } from 'vitest';
import { smuggle } from './smuggling.ts';

it('D2: the backend never gets more requests than were sent, whatever the Transfer-Encoding', async () => {
  expect(await smuggle(11)).toBeGreaterThan(600);
});
