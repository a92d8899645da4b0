/**
 * An upstream refuses an upload before it has come (413, 401) and closes, or reads on: the client must get the answer, and
 * neither a 502 for the reset that follows it, nor have its gigabyte collected somewhere. Source: RFC 9112 §9.5 and §9.6;
 * reliability reference C12.
 */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { collectGarbage } from '../../../src/proxy/workers/collect-garbage.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const SIZE = 1_000_000_000;
const BLOCK = Buffer.alloc(1 << 16, 'a');

/** Sends a request with a body that is far longer than anything takes, until the connection closes. */
function upload(client: RawClient, framing: 'length' | 'chunked'): void {
  const field = framing === 'length' ? `Content-Length: ${SIZE}` : 'Transfer-Encoding: chunked';
  client.send(`PUT / HTTP/1.1\r\nHost: app.example\r\n${field}\r\n\r\n`);
  const part = framing === 'length' ? BLOCK : Buffer.concat([Buffer.from('10000\r\n'), BLOCK, Buffer.from('\r\n')]);
  const pump = (): void => {
    while (client.socket.writable && client.socket.write(part));
  };
  client.socket.on('drain', pump);
  pump();
}

const refusal = (status: string, fields = ''): string => `HTTP/1.1 ${status}\r\nContent-Length: 7\r\n${fields}\r\nrefused`;

/** What an upstream does with an upload that it refuses. */
const WAYS: readonly (readonly [string, (socket: net.Socket, answer: string) => void])[] = [
  ['closes without reading', (socket, answer) => socket.pause().write(answer, () => socket.destroy())],
  ['resets', (socket, answer) => socket.pause().write(answer, () => socket.resetAndDestroy())],
  ['sends FIN and reads no more', (socket, answer) => void socket.pause().end(answer)],
  ['keeps its connection and reads no more', (socket, answer) => void socket.pause().write(answer)],
  ['reads on', (socket, answer) => void socket.write(answer)],
];

async function proxyTo(
  answer: string,
  refuse: (socket: net.Socket, answer: string) => void,
): Promise<{ proxy: TestProxy; upstream: RawBackend }> {
  const upstream = await stage.backend((head, socket) => {
    if (!head.startsWith('PUT')) return response('next');
    // A backend that collects what it reads would be measured with the proxy.
    socket.removeAllListeners('data').resume();
    refuse(socket, answer);
    return null;
  });
  return { upstream, proxy: await stage.proxyTo([upstream.port], { maxRequestBodySize: 0, upstreamEjectFailures: 0 }) };
}

describe.each(WAYS)('C12: an upstream that refuses an upload and %s', (_, refuse) => {
  it.each([
    ['413 Content Too Large', '', 'length'],
    ['413 Content Too Large', 'Connection: close\r\n', 'chunked'],
    ['401 Unauthorized', 'WWW-Authenticate: Basic\r\n', 'length'],
  ] as const)(
    'with %s (%j): the client gets that; both sides are closed; nothing is collected',
    async (status, fields, framing) => {
      const { proxy, upstream } = await proxyTo(refusal(status, fields), refuse);
      for (let i = 1; i <= 4; i++) {
        const client = await stage.client(proxy.port);
        upload(client, framing);
        expect(await client.response()).toMatchObject({ status: Number(status.slice(0, 3)), body: 'refused' });
        await eventually(() => proxy.runtime.census().upstreams === 0);
        await client.closed();
        expect(upstream.sockets).toHaveLength(i);
        client.close();
      }
      await eventually(() => proxy.runtime.census().connections === 0);
      // What nobody holds is not collected at once, on a busy machine least of all.
      await eventually(() => {
        collectGarbage();
        return process.memoryUsage().arrayBuffers < 64 << 20;
      });
      const next = await stage.client(proxy.port);
      expect((await next.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).body).toBe('next');
    },
  );
});

describe('C12: an upstream that resets in an upload', () => {
  it.each([
    ['before it has answered', ''],
    ['in the head of its answer', 'HTTP/1.1 413 Content Too La'],
  ])('%s is 502', async (_, wire) => {
    const { proxy } = await proxyTo(wire, (socket, answer) =>
      answer === '' ? void socket.resetAndDestroy() : socket.pause().write(answer, () => socket.resetAndDestroy()),
    );
    for (let i = 0; i < 4; i++) {
      const client = await stage.client(proxy.port);
      upload(client, 'length');
      expect((await client.response()).status).toBe(502);
      client.close();
    }
  });

  it('in the body of its answer is a reset for the client, who does not take the part for the whole', async () => {
    const { proxy } = await proxyTo(refusal('413 Content Too Large').replace(' 7', ' 70'), (socket, answer) =>
      socket.pause().write(answer, () => socket.resetAndDestroy()),
    );
    for (let i = 0; i < 4; i++) {
      const client = await stage.client(proxy.port);
      upload(client, 'length');
      await client.closed();
      expect(client.reset).toBe(true);
    }
  });
});
