/** A7 with its numbers: 10,000 objects of each kind, two seconds a page. See `lists.test.ts`. */
import { it } from 'vitest';
import { slowLists } from './lists.ts';

it('A7: 10,000 Ingresses, Services and EndpointSlices in pages of two seconds, in less than 600 MB', async () => {
  await slowLists({ objects: 10_000, pageDelay: 2000 });
});
