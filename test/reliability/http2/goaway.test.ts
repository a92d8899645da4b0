/**
 * A session that is to end while requests are on it: each must be answered, or be known not to have been begun, or clients would see failures at every restart.
 * Source: RFC 9113 §6.8; reliability reference E1, E6 over HTTP/2.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { headers, request, TYPE } from '../../support/http2/frames.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { Http2Client, responseOf } from '../../support/http2/stage.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

/** Answers `/held` when told to. */
async function holding(settings = {}): Promise<{ backend: RawBackend; proxy: TestProxy; release: () => void }> {
  const backend = await stage.backend((head) => (head.startsWith('GET /held') ? null : response('ok')));
  const proxy = await stage.proxyTo([backend.port], settings);
  return { backend, proxy, release: () => backend.sockets.forEach((socket) => socket.write(response('held'))) };
}

describe('E1: a worker that drains', () => {
  it('says GOAWAY to a busy session, finishes what is on it, and closes', async () => {
    const { backend, proxy, release } = await holding();
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const held = [client.open({ ':path': '/held' }), client.open({ ':path': '/held' })].map(responseOf);
    await eventually(() => backend.received.length === 2);
    const stopped = proxy.runtime.stop(20_000);
    await eventually(() => client.goaways === 1);
    release();
    for (const { body, code } of await Promise.all(held)) expect([body.toString(), code]).toEqual(['held', 0]);
    await stopped;
    expect(proxy.runtime.census()).toMatchObject({ connections: 0, streams: 0 });
  });

  it('closes an idle session with GOAWAY and without an error', async () => {
    const { proxy } = await holding();
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    await client.request();
    const closed = new Promise((resolve) => client.session.once('close', resolve));
    const stopped = proxy.runtime.stop(20_000);
    await Promise.all([closed, stopped]);
    expect(client.goaways).toBe(1);
  });

  it('cuts off at its deadline what does not end', async () => {
    const { backend, proxy } = await holding();
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const held = responseOf(client.open({ ':path': '/held' }));
    await eventually(() => backend.received.length === 1);
    await proxy.runtime.stop(0);
    expect((await held).headers[':status']).toBeUndefined();
    expect(proxy.runtime.census()).toMatchObject({ connections: 0, streams: 0 });
  });

  it('takes a request on a new session while it still accepts, and closes that after it', async () => {
    const { proxy } = await holding();
    proxy.runtime.drain();
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    expect((await client.request()).body.toString()).toBe('ok');
    await eventually(() => client.session.destroyed);
    expect(client.goaways).toBe(1);
  });
});

describe('the limit of requests on a session', () => {
  it('ends it with GOAWAY, and every request that was begun is answered', async () => {
    const { proxy } = await holding({ keepAliveRequests: 10 });
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    for (let id = 1; id < 40; id += 2) client.send(headers(id, request()));
    await client.gone();
    const goaway = client.frames.filter(({ type }) => type === TYPE.goaway).at(-1)!;
    expect(goaway.payload.readUInt32BE(4)).toBe(0);
    // Up to the last stream the GOAWAY names all have their answer; of the others the client knows that they were not begun.
    const last = goaway.payload.readUInt32BE(0);
    expect(last).toBeGreaterThanOrEqual(19);
    for (let id = 1; id < 40; id += 2) {
      if (id <= last) expect([id, client.status(id), client.body(id)]).toEqual([id, 200, 'ok']);
      else expect(client.status(id)).toBeUndefined();
    }
  });
});

describe('a session that is to end', () => {
  it('with half a frame in it ends all the same', async () => {
    const { proxy } = await holding({ keepAliveRequests: 1, lingeringTimeout: 100 });
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    client.send(headers(1, request()), headers(3, request()).subarray(0, 20));
    await client.gone();
    expect(client.status(1)).toBe(200);
  });
});

describe('E6: under an overload', () => {
  it('no session is kept alive; then requests are refused', async () => {
    const { proxy, release } = await holding();
    const first = stage.opened(new Http2Client(proxy.httpsPort));
    await first.request();
    proxy.runtime.memory(1);
    expect((await first.request()).body.toString()).toBe('ok');
    await eventually(() => first.goaways === 1);
    // One that is never idle learns of it with its first request.
    const busy = stage.opened(new Http2Client(proxy.httpsPort));
    const held = responseOf(busy.open({ ':path': '/held' }));
    await eventually(() => busy.goaways === 1);
    release();
    expect((await held).body.toString()).toContain('held');
    proxy.runtime.memory(2);
    const second = stage.opened(new Http2Client(proxy.httpsPort));
    const { headers: fields } = await second.request();
    expect([fields[':status'], fields['retry-after']]).toEqual([503, '5']);
    proxy.runtime.memory(0);
    const third = stage.opened(new Http2Client(proxy.httpsPort));
    expect((await third.request()).body.toString()).toBe('ok');
    expect((await third.request()).body.toString()).toBe('ok');
  });
});
