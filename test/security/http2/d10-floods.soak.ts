/** D10 with a clock and a scale: each flood is over within two seconds, ten of a kind at once, and the second time none of them takes memory. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { readingBackend, type ReadingBackend } from '../../support/http2/stage.ts';
import { Plane } from '../../support/plane.ts';
import { type Flood, flood, FLOODS } from './floods.ts';

const AT_ONCE = 10;
/** Of the streams that one connection may reset, and those it has open. */
const MAX_UPSTREAM_REQUESTS = 200 + 128;
let backend: ReadingBackend;
let plane: Plane;

beforeAll(async () => {
  backend = await readingBackend(({ url }, response) => void (url !== '/flood' && response.end('ok')));
  plane = await Plane.start({ endpoints: [backend.port], settings: {}, workers: 0 });
});

afterAll(async () => {
  await plane.close();
  await backend.close();
});

async function attack(one: Flood): Promise<void> {
  const asked = backend.requests.length;
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => RawHttp2.connect(plane.httpsPort)));
  const results = await Promise.all(clients.map((client) => flood(client, one, 100_000)));
  expect(Math.max(...results.map(({ took }) => took))).toBeLessThan(2000 + 250 * AT_ONCE);
  expect(backend.requests.length - asked).toBeLessThanOrEqual(AT_ONCE * (one.requests ?? MAX_UPSTREAM_REQUESTS));
}

/** What the plane uses when nobody is connected. */
async function atRest(): Promise<number> {
  await eventually(async () => {
    const { connections, streams, bugs } = await plane.census();
    assert.deepEqual({ connections, streams, bugs }, { connections: 0, streams: 0, bugs: [] });
    return true;
  });
  return (await plane.memory()).rss;
}

describe('D10', () => {
  it.for(FLOODS)('D10: $name', (one) => attack(one));

  it('D10: all of them again leave nothing behind', async () => {
    const before = await atRest();
    for (const one of FLOODS) await attack(one);
    expect((await atRest()) - before).toBeLessThan(64 * 1024 ** 2);
  });
});
