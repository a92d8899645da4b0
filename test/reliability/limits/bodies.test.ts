/**
 * Threat: a body without a bound fills a backend, or one that was refused is read for ever; and a client that is cut while it
 * sends sees a reset instead of its answer. Source: D14; nginx's client_max_body_size and lingering_close, RFC 9112 §9.6.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const LIMIT = 1000;
const NEXT = 'GET /next HTTP/1.1\r\nHost: app.example\r\n\r\n';

interface Scene {
  readonly proxy: TestProxy;
  readonly backend: RawBackend;
  readonly client: RawClient;
}

/** Ends as a head does, which is what the backend waits for. */
const BODY = `${'x'.repeat(LIMIT - 4)}\r\n\r\n`;

/** A backend that answers a body once it is complete. */
async function start(settings: Partial<ProxySettings> = {}): Promise<Scene> {
  const backend = await stage.backend((text) => {
    if (text.startsWith('GET')) return response('next');
    return text.startsWith('PUT') ? null : response('got it');
  });
  const proxy = await stage.proxyTo([backend.port], { maxRequestBodySize: LIMIT, ...settings });
  return { proxy, backend, client: await stage.client(proxy.port) };
}

const put = (fields: string): string => `PUT / HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n\r\n`;
const chunk = (size: number): string => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;

describe('D14: a request body', () => {
  it('of the limit is served, by length', async () => {
    const { client } = await start();
    client.send(put(`Content-Length: ${LIMIT}`));
    expect((await client.request(BODY)).body).toBe('got it');
    expect((await client.request(NEXT)).body).toBe('next');
  });

  it('of the limit is served, in chunks', async () => {
    const { client } = await start();
    client.send(put('Transfer-Encoding: chunked'));
    expect((await client.request(`${chunk(LIMIT - 1)}${chunk(1)}0\r\n\r\n`)).body).toBe('got it');
    expect((await client.request(NEXT)).body).toBe('next');
  });

  it('of a byte more is 413 before any of it reaches a backend, and the connection closes', async () => {
    const { client, backend } = await start();
    const reply = await client.request(`${put(`Content-Length: ${LIMIT + 1}`)}${'x'.repeat(LIMIT + 1)}${NEXT}`);
    expect(reply.status).toBe(413);
    expect(reply.headers.get('connection')).toEqual(['close']);
    await client.closed();
    expect([client.buffer, client.reset]).toEqual(['', false]);
    expect(backend.sockets).toHaveLength(0);
  });

  it('of a byte more in chunks is 413, its backend sees a broken request, and the connection closes', async () => {
    const { client, backend } = await start();
    client.send(`${put('Transfer-Encoding: chunked')}${chunk(LIMIT)}`);
    await eventually(() => backend.received.join('').includes('x'.repeat(LIMIT)));
    const reply = await client.request(`${chunk(1)}0\r\n\r\n${NEXT}`);
    expect(reply.status).toBe(413);
    expect(reply.headers.get('connection')).toEqual(['close']);
    await client.closed();
    expect([client.buffer, client.reset]).toEqual(['', false]);
    expect(backend.received.join('')).not.toMatch(/\r\n0\r\n\r\n|\/next/u);
    await eventually(() => backend.sockets.every((socket) => socket.readableEnded || socket.destroyed));
  });

  it('that stops coming is 408, which closes, whatever is left of it', async () => {
    const { client } = await start({ clientBodyTimeout: 50 });
    const reply = await client.request(put('Content-Length: 10'));
    expect(reply.status).toBe(408);
    expect(reply.headers.get('connection')).toEqual(['close']);
    await client.closed();
  });
});

describe('a client that uploads on after 413', () => {
  it('of 32 MiB gets its answer, whole and without a reset', async () => {
    const { client } = await start();
    const size = 32 << 20;
    client.send(put(`Content-Length: ${size}`));
    const block = Buffer.alloc(1 << 20);
    // As a client does that looks at the answer only when it has sent everything.
    client.socket.pause();
    for (let sent = 0; sent < size; sent += block.length) {
      if (!client.socket.write(block)) await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    client.socket.resume();
    expect((await client.response()).status).toBe(413);
    await client.closed();
    expect(client.reset).toBe(false);
  });

  it('without end is cut when it has been read off for long enough', async () => {
    const { client, proxy } = await start({ lingeringTime: 300, lingeringTimeout: 60_000 });
    client.send(put('Content-Length: 1000000000000'));
    const block = Buffer.alloc(65_536);
    const pump = (): void => {
      while (!client.socket.destroyed && client.socket.write(block));
    };
    client.socket.on('drain', pump);
    pump();
    await eventually(() => proxy.runtime.connections.size === 1);
    await eventually(() => proxy.runtime.connections.size === 0);
  });

  it('but pauses is waited for only so long', async () => {
    const { client, proxy } = await start({ lingeringTime: 60_000, lingeringTimeout: 100 });
    expect((await client.request(put('Content-Length: 100000'))).status).toBe(413);
    client.send('x');
    await eventually(() => proxy.runtime.connections.size === 0);
  });
});

describe('what is left of a body that nobody wants', () => {
  const status = async (length: number): Promise<readonly string[] | undefined> => {
    const { client } = await start({ maxDiscardedBody: 500, maxRequestBodySize: 0 });
    const reply = await client.request(`PUT / HTTP/1.1\r\nHost: none.example\r\nContent-Length: ${length}\r\n\r\n`);
    expect(reply.status).toBe(404);
    return reply.headers.get('connection');
  };

  it('is read off up to the limit, and the connection kept', async () => expect(await status(500)).toBeUndefined());
  it('closes the connection beyond it', async () => expect(await status(501)).toEqual(['close']));
});

it('a client that pipelines is not read further than one read ahead', async () => {
  const { client, proxy } = await start({ maxRequestBodySize: 0 });
  // The backend does not answer this one; all that follows waits in the sockets' buffers.
  client.send(`${put('Content-Length: 5')}xxxxx`);
  const block = NEXT.repeat(2_000);
  let written = 0;
  await eventually(() => {
    written += block.length;
    return !client.socket.write(block) && client.socket.writableLength > 20 << 20;
  });
  expect(proxy.runtime.connections.size).toBe(1);
  // Loopback's buffers take a few megabytes.
  expect(client.socket.writableLength).toBeGreaterThan(written / 2);
});
