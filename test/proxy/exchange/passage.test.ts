/** Requests on their way through steps that wait: what goes on meanwhile, and what is heard of a step that comes too late. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Passage, RequestStep, ResponseStep } from '../../../src/policies/acting.ts';
import { PENDING } from '../../../src/policies/acting.ts';
import { page } from '../../../src/policies/answer.ts';
import { eventually } from '../../support/eventually.ts';
import { Http2Client, readingBackend } from '../../support/http2/stage.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const steps = vi.hoisted(() => ({ request: [] as RequestStep[], response: [] as ResponseStep[] }));
vi.mock('../../../src/policies/steps.ts', () => ({ compileSteps: () => ({ host: [], locations: [], ...steps }) }));

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

interface Waiting {
  readonly proxy: TestProxy;
  readonly backend: RawBackend;
  /** The requests that wait, or waited. */
  readonly passages: Passage[];
  /** How often an exchange said that it ended. */
  readonly ended: () => number;
}

/** A proxy whose requests wait for the test. */
async function waiting(request: RequestStep[] = [], answers: ResponseStep[] = [], port?: number): Promise<Waiting> {
  const passages: Passage[] = [];
  let ended = 0;
  const wait: RequestStep = (passage) => {
    passages.push(passage);
    passage.onDone(() => ended++);
    return PENDING;
  };
  steps.request = [wait, ...request];
  steps.response = answers;
  const backend = await stage.backend(() => response('ok'));
  const proxy = await stage.proxyTo([port ?? backend.port]);
  return { proxy, backend, passages, ended: () => ended };
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('a step that waits', () => {
  it('holds the request until it says to go on', async () => {
    const { proxy, backend, passages, ended } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    expect([backend.sockets.length, ended()]).toEqual([0, 0]);
    passages[0]!.resume(null);
    expect((await client.response()).body).toBe('ok');
    expect(ended()).toBe(1);
  });

  it('may answer', async () => {
    const { proxy, backend, passages } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(page(403));
    expect((await client.response()).status).toBe(403);
    expect(backend.sockets).toHaveLength(0);
    // The connection goes on.
    client.send(GET);
    await eventually(() => passages.length === 2);
    passages[1]!.resume(null);
    expect((await client.response()).status).toBe(200);
  });

  it('may know at once, before it has returned', async () => {
    let calls = 0;
    steps.request = [
      (passage) => {
        passage.resume(calls++ === 0 ? null : page(403));
        passage.resume(page(500));
        return PENDING;
      },
    ];
    const backend = await stage.backend(() => response('ok'));
    const proxy = await stage.proxyTo([backend.port]);
    const client = await stage.client(proxy.port);
    expect((await client.request(GET)).status).toBe(200);
    expect((await client.request(GET)).status).toBe(403);
  });

  it('what follows it may wait, too, and each is asked once', async () => {
    const second: Passage[] = [];
    const { proxy, passages } = await waiting([
      (passage) => {
        second.push(passage);
        return PENDING;
      },
    ]);
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    expect(second).toHaveLength(1);
    second[0]!.resume(null);
    expect((await client.response()).status).toBe(200);
    expect([passages.length, second.length]).toEqual([1, 1]);
  });

  it('said twice counts once: the second neither answers nor goes on', async () => {
    const { proxy, backend, passages, ended } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    passages[0]!.resume(null);
    passages[0]!.resume(page(403));
    expect((await client.response()).status).toBe(200);
    expect([backend.received.join('').split('GET /').length - 1, ended()]).toEqual([1, 1]);
    expect(client.buffer).toBe('');
  });

  it('said after the end is not heard, also while the next request of the connection waits', async () => {
    const { proxy, passages, ended } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    await client.response();
    passages[0]!.resume(page(500));
    client.send(GET);
    await eventually(() => passages.length === 2);
    passages[0]!.resume(page(500));
    passages[1]!.resume(page(404));
    expect((await client.response()).status).toBe(404);
    expect(ended()).toBe(2);
  });

  it('whoever asks to be told of the end after it is told at once', async () => {
    const { proxy, passages } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(page(403));
    await client.response();
    let told = 0;
    passages[0]!.onDone(() => told++);
    expect(told).toBe(1);
  });

  it('a client that goes away is heard of, and the step that comes after that is not', async () => {
    const { proxy, backend, passages, ended } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    client.socket.resetAndDestroy();
    await eventually(() => ended() === 1);
    passages[0]!.resume(null);
    passages[0]!.resume(page(403));
    expect([backend.sockets.length, ended()]).toEqual([0, 1]);
  });

  it('the body of the request waits as well, and comes whole, in HTTP/1.1', async () => {
    const whole = stage.opened(await readingBackend());
    const { proxy, passages } = await waiting([], [], whole.port);
    const client = await stage.client(proxy.port);
    const body = 'x'.repeat(300_000);
    client.send(`POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${body.length}\r\n\r\n${body}${GET}`);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    expect((await client.response()).body).toBe('ok');
    await eventually(() => passages.length === 2);
    passages[1]!.resume(page(404));
    expect((await client.response()).status).toBe(404);
    expect(whole.requests.map((request) => request.body === body)).toEqual([true]);
  });

  it('and in HTTP/2', async () => {
    const whole = stage.opened(await readingBackend());
    const { proxy, passages } = await waiting([], [], whole.port);
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const body = 'y'.repeat(300_000);
    const answer = client.request({ ':method': 'POST' }, body);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    expect((await answer).headers[':status']).toBe(200);
    expect(whole.requests.map((request) => request.body === body)).toEqual([true]);
  });

  it('an answer while a body waits: the client gets it, in both protocols', async () => {
    const { proxy, passages } = await waiting();
    const client = await stage.client(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(page(403));
    expect((await client.response()).status).toBe(403);
    const second = stage.opened(new Http2Client(proxy.httpsPort));
    const answer = second.request({ ':method': 'POST' }, 'z'.repeat(200_000));
    await eventually(() => passages.length === 2);
    passages[1]!.resume(page(403));
    expect((await answer).headers[':status']).toBe(403);
  });

  it('a stream that is reset while it waits leaves nothing behind', async () => {
    const { proxy, passages, ended } = await waiting();
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const stream = client.open();
    stream.on('error', () => undefined);
    await eventually(() => passages.length === 1);
    stream.close(8);
    await eventually(() => ended() === 1);
    passages[0]!.resume(null);
    const answer = client.request();
    await eventually(() => passages.length === 2);
    passages[1]!.resume(page(404));
    expect((await answer).headers[':status']).toBe(404);
  });

  it('a step that throws when it is gone on with costs its connection only', async () => {
    const { proxy, passages } = await waiting([
      () => {
        throw new Error('a bug');
      },
    ]);
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    await client.closed();
    expect((proxy.bugs as Error[]).map(({ message }) => message)).toEqual(['a bug']);
    (proxy.bugs as unknown[]).length = 0;
  });
});

describe('steps on the way out', () => {
  it('see the status, whose answer it is, and what the backend says', async () => {
    const seen: unknown[] = [];
    const { proxy, passages } = await waiting(
      [],
      [
        (passage, status, own) => {
          seen.push([status, own, passage.answering, passage.backendFields('content-length'), passage.backendFields('x-none')]);
          passage.response.set('X-Seen', '1');
        },
      ],
    );
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => passages.length === 1);
    passages[0]!.resume(null);
    expect((await client.response()).headers.get('x-seen')).toEqual(['1']);
    client.send(GET);
    await eventually(() => passages.length === 2);
    passages[1]!.resume(page(403));
    expect((await client.response()).headers.get('x-seen')).toEqual(['1']);
    expect(seen).toEqual([
      [200, false, true, ['2'], []],
      [403, true, false, [], []],
    ]);
  });
});
