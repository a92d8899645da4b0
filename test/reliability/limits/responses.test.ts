/**
 * Threat: a backend, or who took it over, answers with heads, interim responses or trailers without end. Source: C10, C11; nginx's
 * proxy_buffer_size ("upstream sent too big header").
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const KIB = 1024;

function headOf(size: number): string {
  const begin = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ';
  return `${begin.padEnd(size - 4, 'v')}\r\n\r\nok`;
}

const fields = (count: number): string => response('ok', 'X: 1\r\n'.repeat(count - 1));
const interims = (count: number): string => `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n`.repeat(count) + response('ok');

/** The final status of two requests in a row on one connection. */
async function statuses(reply: string, settings: Partial<ProxySettings>): Promise<[number, number]> {
  const backend = await stage.backend((_, __, connection) => (connection === 0 ? reply : response('second')));
  const proxy = await stage.proxyTo([backend.port], settings);
  const client = await stage.client(proxy.port);
  const ask = async (): Promise<number> => {
    client.send(GET);
    let answer = await client.response();
    while (answer.status < 200) answer = await client.response();
    return answer.status;
  };
  return [await ask(), await ask()];
}

describe('a response head', () => {
  it.each([
    ['16 KiB', headOf(16 * KIB), 200],
    ['16 KiB and a byte', headOf(16 * KIB + 1), 502],
    ['100 fields', fields(100), 200],
    ['101 fields', fields(101), 502],
    ['no end', `HTTP/1.1 200 OK\r\nX: ${'v'.repeat(100 * KIB)}`, 502],
    ['a status line without end', `HTTP/1.1 200 ${'v'.repeat(100 * KIB)}`, 502],
    ['ten interim responses before it', interims(10), 200],
    ['eleven interim responses before it', interims(11), 502],
    ['10 000 interim responses before it', interims(10_000), 502],
    ['100 of "100 Continue" before it', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100) + response('ok'), 502],
  ])('with %s', async (_, reply, status) => {
    const [first, second] = await statuses(reply, { maxResponseHeadSize: 16 * KIB, upstreamTries: 1 });
    expect(first).toBe(status);
    expect(second).toBe(200);
  });

  it('may be larger where the setting says so', async () => {
    expect(await statuses(headOf(20 * KIB), { maxResponseHeadSize: 64 * KIB })).toEqual([200, 200]);
  });
});
