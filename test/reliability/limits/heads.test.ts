/**
 * Threat: a request head without a bound fills the memory, or is cut where another parser would not cut it (R31). Source: D14;
 * nginx's large_client_header_buffers, RFC 6585 §5 (431), RFC 9110 §15.5.15 (414).
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { response } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const KIB = 1024;
const NEXT = 'GET /next HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** A head of exactly `size` bytes, none of whose lines is longer than 4 KiB. */
function headOf(size: number): string {
  let head = 'GET / HTTP/1.1\r\nHost: app.example\r\n';
  const end = size - 2;
  for (let i = 0; head.length < end; i++) {
    const left = end - head.length;
    // The rest must have room for a whole field.
    const line = left <= 4096 ? left : Math.min(4096, left - 16);
    head += `X-${i}: `.padEnd(line - 2, 'v') + '\r\n';
  }
  return `${head}\r\n`;
}

async function start(settings: Partial<ProxySettings> = {}): Promise<{ client: RawClient; reached: () => number }> {
  const backend = await stage.backend(() => response('ok'));
  const proxy = await stage.proxyTo([backend.port], settings);
  const reached = (): number => backend.received.join('').split('HTTP/1.1\r\n').length - 1;
  return { client: await stage.client(proxy.port), reached };
}

/** Refused with this status and closed, and neither it nor what follows it on the connection reached a backend. */
async function refused(text: string, status: number, settings?: Partial<ProxySettings>): Promise<void> {
  const { client, reached } = await start(settings);
  const reply = await client.request(`${text}${NEXT}`);
  expect(reply.status).toBe(status);
  expect(reply.headers.get('connection')).toEqual(['close']);
  await client.closed();
  expect(client.buffer).toBe('');
  expect(client.reset).toBe(false);
  expect(reached()).toBe(0);
}

/** Served, and so is the next request on the connection. */
async function served(text: string, settings?: Partial<ProxySettings>): Promise<void> {
  const { client, reached } = await start(settings);
  expect((await client.request(text)).status).toBe(200);
  expect((await client.request(NEXT)).status).toBe(200);
  expect(reached()).toBe(2);
}

describe('D14: a request head', () => {
  const SIXTEEN = { maxRequestHeadSize: 16 * KIB };

  it.each([16 * KIB - 1, 16 * KIB])('of %i bytes is served where 16 KiB are allowed', (size) => served(headOf(size), SIXTEEN));
  it('of 16 KiB and a byte is 431 there', () => refused(headOf(16 * KIB + 1), 431, SIXTEEN));
  it.each([32 * KIB - 1, 32 * KIB])('of %i bytes is served by default', (size) => served(headOf(size)));
  it('of 32 KiB and a byte is 431 by default', () => refused(headOf(32 * KIB + 1), 431));

  it('that never ends is 431 at the limit, however slowly it comes', async () => {
    const { client } = await start(SIXTEEN);
    const head = headOf(64 * KIB);
    // In pieces of their own; the last byte of the limit decides.
    for (let at = 0; at < 16 * KIB - 1; at += 1000) {
      client.send(head.slice(at, Math.min(at + 1000, 16 * KIB - 1)));
      await new Promise(setImmediate);
    }
    expect(client.buffer).toBe('');
    client.send(head[16 * KIB - 1]!);
    expect((await client.response()).status).toBe(431);
    await client.closed();
  });

  it('of empty lines is no head, and ends at the limit too', () => refused('\r\n'.repeat(8 * KIB + 1), 431, SIXTEEN));
});

describe('D14: a line of a request head', () => {
  const target = (length: number): string => `GET /${'a'.repeat(length - 1)} HTTP/1.1\r\nHost: app.example\r\n\r\n`;
  const field = (length: number): string => `GET / HTTP/1.1\r\nHost: app.example\r\n${'X: '.padEnd(length - 2, 'v')}\r\n\r\n`;

  // "GET " and the target are the line as far as it is counted.
  it('with a target that fills 8 KiB is served', () => served(target(8 * KIB - 4)));
  it('with a target of a byte more is 414', () => refused(target(8 * KIB - 3), 414));
  it('with an endless target is 414', () => refused(`GET /${'a'.repeat(100 * KIB)}`, 414));
  it('that is a field of 8 KiB is served', () => served(field(8 * KIB)));
  it('that is a field of 8 KiB and a byte is 431', () => refused(field(8 * KIB + 1), 431));
  it('that is an endless method is refused', () => refused('A'.repeat(100 * KIB), 431));
});

describe('D14: the fields of a request', () => {
  const fields = (count: number): string => `GET / HTTP/1.1\r\nHost: app.example\r\n${'X: 1\r\n'.repeat(count - 1)}\r\n`;

  it('are served when they are 100', () => served(fields(100)));
  it('are 431 when they are 101', () => refused(fields(101), 431));
  it('may hide no Content-Length behind the limit (CVE-2026-58044)', () =>
    refused(`${fields(101).slice(0, -2)}Content-Length: 40\r\n\r\n`, 431));
  it('cannot be 10 000 names of Connection', () =>
    refused(`GET / HTTP/1.1\r\nHost: app.example\r\nConnection: ${'a,'.repeat(10_000)}close\r\n\r\n`, 431));
});
