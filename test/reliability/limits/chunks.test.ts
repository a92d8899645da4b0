/**
 * Threat: chunk extensions and trailers are bytes beside the body that no body limit counts; without bounds of their own they
 * occupy a reader for ever. Source: R56 (CVE-2024-22019), R41; D14.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const LIMITS = { maxChunkExtensionSize: 1000, maxTrailerSize: 300, maxTrailers: 5 };

const extensions = (bytes: number): string => `1;${'e'.repeat(bytes - 1)}\r\nx\r\n`;
/** So many fields, of 7 bytes each. */
const trailers = (count: number): string => `0\r\n${'T: 1\r\n'.repeat(count)}\r\n`;
/** A trailer section of so many bytes, with its empty line. */
const trailerSection = (bytes: number): string => `0\r\nT: ${'t'.repeat(bytes - 7)}\r\n\r\n`;

/** What is taken and what is not, by a body. The byte of CR ends an extension and is counted with it. */
const CASES: readonly (readonly [what: string, body: string, taken: boolean, settings: Partial<ProxySettings>])[] = [
  ['extensions of the limit', `${extensions(1000)}0\r\n\r\n`, true, {}],
  ['extensions of a byte more', `${extensions(1001)}0\r\n\r\n`, false, {}],
  ['extensions of the limit, over many chunks', `${extensions(10).repeat(100)}0\r\n\r\n`, true, {}],
  ['extensions of more than the limit, over many chunks', `${extensions(10).repeat(101)}0\r\n\r\n`, false, {}],
  ['an extension that never ends', `1;${'e'.repeat(20_000)}`, false, {}],
  ['trailers of the number', trailers(5), true, {}],
  ['trailers of one more', trailers(6), false, {}],
  ['trailers of the size', trailerSection(300), true, {}],
  ['trailers of a byte more', trailerSection(301), false, {}],
  ['a trailer that never ends', `0\r\nT: ${'t'.repeat(20_000)}`, false, {}],
  ['a size with too many digits', `${'0'.repeat(13)}1\r\nx\r\n0\r\n\r\n`, false, {}],
];

/** Byte by byte too: a limit must not depend on how the bytes come. */
describe.each(['at once', 'byte by byte'])('R56: %s,', (how) => {
  const pieces = (text: string): readonly string[] => (how === 'at once' ? [text] : text.slice(0, 2_500).split(''));

  it.each(CASES)('a request with %s: taken or 400', async (_, body, taken, settings) => {
    // The end of the body ends as a head does, which is what the backend waits for.
    const backend = await stage.backend((text) => (text.startsWith('PUT') ? null : response('got it')));
    const proxy = await stage.proxyTo([backend.port], { ...LIMITS, ...settings });
    const client = await stage.client(proxy.port);
    client.socket.setNoDelay(true);
    client.send('PUT / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const piece of pieces(body)) client.send(piece);
    const reply = await client.response();
    expect(reply.status).toBe(taken ? 200 : 400);
    if (!taken) await client.closed();
    expect(backend.received.join('')).not.toContain(';e');
  });

  it.each(CASES)('a response with %s: passed on whole, or cut', async (_, body, taken, settings) => {
    const backend = await stage.backend((_head, socket) => {
      socket.setNoDelay(true);
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const piece of pieces(body)) socket.write(piece);
      return null;
    });
    const proxy = await stage.proxyTo([backend.port], { ...LIMITS, ...settings });
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\nTE: trailers\r\n\r\n');
    if (taken) expect((await client.response()).status).toBe(200);
    else {
      await client.closed();
      expect(client.buffer).not.toMatch(/\r\n0\r\n(?:.*\r\n)*\r\n$/u);
      expect(client.reset).toBe(true);
    }
    expect(client.buffer).not.toContain(';e');
  });
});
