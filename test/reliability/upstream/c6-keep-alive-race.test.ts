/**
 * An upstream may close an idle connection at any time, also in the moment in which we send a request on it: that is nobody's
 * failure, and the client must not see one. Source: RFC 9112 §9.3.1 and §9.5; the commonest source of stray 502s behind
 * proxies whose keep-alive is longer than their upstream's (reliability reference C6).
 */
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../support/stage.ts';
import { race } from './scenarios/race.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('C6: no GET fails because its connection was closed as it was sent; no POST is sent twice', async () => {
  const { failedGets, posts, wrongPosts, twice, raced } = await race(stage, 400);
  expect(failedGets).toEqual([]);
  expect([posts, wrongPosts, twice]).toEqual([100, [], []]);
  expect(raced).toBeGreaterThan(100);
});
