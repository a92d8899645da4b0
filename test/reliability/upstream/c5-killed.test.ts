/**
 * A Pod is killed with requests in flight: what was sent may have been done, so sending it again can do it twice, and half of
 * a response must not look like a whole one. Source: RFC 9110 §9.2.2, RFC 9112 §8; reliability reference C5.
 */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const BODY = 'x'.repeat(1000);
const post = (method: string): string =>
  `${method} / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** Two endpoints, of which one is killed by whatever `when` says. */
async function killed(
  when: (socket: net.Socket) => string | null,
): Promise<{ dying: RawBackend; well: RawBackend; proxy: TestProxy }> {
  const dying = await stage.backend((_, socket) => {
    const first = when(socket);
    if (first === null) socket.resetAndDestroy();
    else socket.write(first, () => socket.resetAndDestroy());
    return null;
  });
  const well = await stage.backend(() => response('well'));
  return { dying, well, proxy: await stage.proxyTo([dying.port, well.port], { upstreamEjectFailures: 0 }) };
}

const sent = (...backends: RawBackend[]): number =>
  backends.reduce((sum, { received }) => sum + received.join('').split('HTTP/1.1').length - 1, 0);

describe('C5: an endpoint that is killed before it has answered', () => {
  it('has a POST once, and nobody else has it; the client gets 502 and may go on', async () => {
    const { dying, well, proxy } = await killed(() => null);
    const client = await stage.client(proxy.port);
    const statuses: number[] = [];
    for (let i = 1; i <= 10; i++) {
      statuses.push((await client.request(post('POST'))).status);
      expect(sent(dying, well)).toBe(i);
    }
    expect(statuses.filter((status) => status === 502)).toHaveLength(5);
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
  });

  it('has a GET, which another then answers', async () => {
    const { dying, well, proxy } = await killed(() => null);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < 3; i++) expect((await client.request(GET)).body).toBe('well');
    expect(sent(dying)).toBeGreaterThan(0);
    expect(sent(well)).toBe(3);
  });

  it('while a body is on its way to it: the rest goes nowhere else', async () => {
    const { dying, well, proxy } = await killed(() => null);
    const answers: number[] = [];
    for (let i = 0; i < 2; i++) {
      const client = await stage.client(proxy.port);
      client.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100000\r\n\r\nfirst');
      answers.push((await client.response()).status);
      client.send('second');
    }
    expect(answers.sort()).toEqual([200, 502]);
    expect(sent(dying, well)).toBe(2);
  });
});

describe.each(['POST', 'GET'])('C5: an endpoint that is killed while it answers %s', (method) => {
  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['to the end of the connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf'],
  ])('%s: the client sees a reset, and nobody else has the request', async (_, half) => {
    const { dying, well, proxy } = await killed(() => half);
    for (let i = 0; i < 2; i++) {
      const client = await stage.client(proxy.port);
      client.send(method === 'POST' ? post('POST') : GET);
      await client.until(() => client.buffer.includes('well') || client.ended);
      if (client.buffer.endsWith('well')) continue;
      expect(client.buffer).not.toMatch(/0\r\n\r\n$/);
      expect(client.reset).toBe(true);
    }
    await eventually(() => dying.sockets.length === 1);
    expect([sent(dying), sent(well)]).toEqual([1, 1]);
  });
});
