/**
 * Threat: every compressed response takes some hundred KiB; a thousand that are open at once must not take the memory of the worker.
 * Source: R56 in its form for compressors; docs/limits.md.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { ALL_CODINGS, get, prose } from '../../support/coded.ts';
import { eventually } from '../../support/eventually.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';
import { manyStreams } from './many.ts';

const stage = new Stage();
afterEach(() => stage.close());

const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${prose(1000)}\r\n`;

describe('responses that are compressed at once', () => {
  it.each([0, 2])('are at most %i; the next come as they are, and say that they vary', async (max) => {
    const backend = await stage.backend(() => ANSWER);
    const proxy = await stage.proxyTo([backend.port], { ...ALL_CODINGS, maxCompressions: max });
    const clients: RawClient[] = [];
    for (let i = 0; i < max + 2; i++) {
      const client = await stage.client(proxy.port);
      client.send(get('gzip'));
      await client.until(() => client.buffer.includes('\r\n\r\n'));
      clients.push(client);
      expect(client.buffer.includes('Content-Encoding: gzip\r\n')).toBe(i < max);
      expect(client.buffer).toContain('Vary: Accept-Encoding\r\n');
    }
    expect(proxy.runtime.census().compressions).toBe(max);
    if (max === 0) return;
    clients[0]!.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().compressions === max - 1);
    const late = await stage.client(proxy.port);
    late.send(get('gzip'));
    await late.until(() => late.buffer.includes('\r\n\r\n'));
    expect(late.buffer).toContain('Content-Encoding: gzip\r\n');
  });

  it('take what docs/limits.md says, and nothing when they are gone', async () => {
    const { compressed, during, after, growth } = await manyStreams('gzip', 120, 80, 4);
    expect(compressed).toBe(80);
    // 0.5 MiB: the compressor and what is either side of it. The other 40 are not free either, nor is the allocator exact.
    expect(during).toBeLessThan(80 * (512 << 10) + 40 * (64 << 10) + (24 << 20));
    expect(after).toBeLessThan(4 << 20);
    // Three rounds of 80 would leave twice as much; the allocator keeps some.
    expect(growth).toBeLessThan(36 << 20);
  });
});
