/**
 * D10, R50–R53. Frames that cost their sender little and their receiver much, as many as the sender likes: the session is closed soon, hardly a request reaches
 * the backend, and nobody else notices. Source: CVE-2023-44487, CVE-2025-8671, CVE-2024-27983, CVE-2026-47774, CVE-2019-9511 to 9518.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { Http2Client, readingBackend, type ReadingBackend } from '../../support/http2/stage.ts';
import type { TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { flood, FLOODS } from './floods.ts';

/** Of the streams that one connection may reset, and those it has open. */
const MAX_UPSTREAM_REQUESTS = 200 + 128;

const stage = new Stage();
let backend: ReadingBackend;
let proxy: TestProxy;
let bystander: Http2Client;

beforeAll(async () => {
  // Never answers a flood: what was asked for would pile up.
  backend = stage.opened(await readingBackend(({ url }, response) => void (url !== '/flood' && response.end('ok'))));
  proxy = await stage.proxyTo([backend.port]);
  bystander = stage.opened(new Http2Client(proxy.httpsPort));
});

afterAll(() => stage.close());

describe('D10: the session is closed', () => {
  it.for(FLOODS)('D10: $name ($source)', async (one) => {
    const before = backend.requests.length;
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    // Ends only with the connection.
    await flood(client, one, 10_000);
    expect(backend.requests.length - before).toBeLessThanOrEqual(one.requests ?? MAX_UPSTREAM_REQUESTS);
    expect((await bystander.request({ ':path': '/good' })).body.toString()).toBe('ok');
    expect(proxy.bugs).toEqual([]);
  });
});
