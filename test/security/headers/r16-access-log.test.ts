/**
 * R16. What a request lacks crashes the code that logs it, and what it holds forges lines of the log.
 * Source: CVE-2026-47220 (Envoy, a log format with Host), Traefik #13481; CWE-117.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress } from '../../support/manifests.ts';
import { RawClient } from '../../support/raw-client.ts';

let chain: Chain;

/** The format of ingress-nginx, every field of which may be missing but none out of place. */
const LINE =
  /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "[\x20\x21\x23-\x7e]*" \d{3} \d+ "[\x20\x21\x23-\x7e]*" "[\x20\x21\x23-\x7e]*" \d+ \d+\.\d{3} \[[\w-]*\] \[\] (?:-|[\d.:, ]+) (?:-|\d+) (?:-|\d+\.\d{3}) (?:-|\d{3}) [\x20\x21\x23-\x7e]+$/;

/** Sends and ends; resolves when the proxy has. */
async function say(text: string): Promise<void> {
  const client = await RawClient.connect(chain.httpPort);
  client.send(text);
  client.socket.end();
  await client.closed();
  client.close();
}

const REQUESTS: readonly (readonly [string, string])[] = [
  ['nothing but a request line, of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['garbage', '\x00\xff\x16\x03\x01\r\n\r\n'],
  ['a target that is too long', `GET /${'a'.repeat(40_000)}`],
  ['too many fields', `GET / HTTP/1.1\r\nHost: app.test\r\n${'X: y\r\n'.repeat(500)}\r\n`],
  ['a body that never comes', 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n'],
  ['broken chunks', 'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ['a host that no Ingress names', 'GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n'],
  ['a bad path', 'GET /%00 HTTP/1.1\r\nHost: app.test\r\n\r\n'],
  ['a method that is not allowed', 'CONNECT / HTTP/1.1\r\nHost: app.test\r\n\r\n'],
  ['an expectation', 'GET / HTTP/1.1\r\nHost: app.test\r\nExpect: x\r\n\r\n'],
  ['empty fields', 'GET / HTTP/1.1\r\nHost: app.test\r\nUser-Agent:\r\nReferer:\r\nX-Request-ID:\r\nCookie:\r\n\r\n'],
  ['quotes and backslashes', 'GET /"\'<> HTTP/1.1\r\nHost: app.test\r\nUser-Agent: " 200 0 "\\"\r\nReferer: "\r\n\r\n'],
  [
    'a line of a log',
    'GET / HTTP/1.1\r\nHost: app.test\r\nUser-Agent: a" 1 0.000 [x] [] - - - - b\r\nX-Request-ID: c" d\r\n\r\n',
  ],
  ['bytes above ASCII', 'GET / HTTP/1.1\r\nHost: app.test\r\nUser-Agent: \x85\x9b31m\xe2\x80\xa8\r\n\r\n'],
  ['names of JavaScript', 'GET /__proto__ HTTP/1.1\r\nHost: constructor\r\nUser-Agent: __proto__\r\nReferer: toString\r\n\r\n'],
];

/** A request whose line says where in the log we are. */
const mark = (index: number): string => `GET /mark-${index} HTTP/1.1`;

beforeAll(async () => {
  chain = await (await Chain.start({ flags: ['--access-log=true', '--configmap=default/sluice'] })).listening();
  chain.apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'sluice', namespace: 'default' },
      data: { 'enable-access-log-for-default-backend': 'true' },
    },
    ingress('web', 'app.test Prefix / control'),
  );
  await chain.settled();
  for (const [index, [, text]] of REQUESTS.entries()) {
    await say(`${mark(index)}\r\nHost: app.test\r\n\r\n`);
    await say(text);
  }
  await say(`${mark(REQUESTS.length)}\r\nHost: app.test\r\n\r\n`);
  await eventually(() => new RegExp(`${mark(REQUESTS.length)}.*\n`).test(chain.sluice.stdout));
});

afterAll(() => chain.close());

describe('R16: the access log', () => {
  it.each(REQUESTS.map(([name], index) => [name, index] as const))('has one line, whole, of a request with %s', (_, index) => {
    const lines = chain.sluice.stdout.split('\n');
    const first = lines.findIndex((line) => line.includes(`"${mark(index)}"`));
    const next = lines.findIndex((line) => line.includes(`"${mark(index + 1)}"`));
    expect(next - first).toBe(2);
    for (const line of lines.slice(first, next + 1)) expect(line).toMatch(LINE);
  });

  it('has cost nobody the worker', () => {
    expect(chain.alive).toBe(true);
    expect(chain.sluice.log().filter(({ level }) => level === 'error')).toEqual([]);
  });
});
