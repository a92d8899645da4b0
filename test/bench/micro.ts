/** What single steps of a request cost, in nanoseconds: the best of five runs of each, in one process without a network. */
import type { Passage } from '../../src/policies/acting.ts';
import { RequestChanges, ResponseChanges } from '../../src/policies/changes.ts';
import { headerSetter } from '../../src/policies/headers/header-texts.ts';
import { Deadlines } from '../../src/proxy/deadlines.ts';
import { HeadForwarder, newRequestId } from '../../src/proxy/http1/forward-request.ts';
import type { Sink } from '../../src/proxy/outbox.ts';
import { parseRequestHead, RequestHead } from '../../src/proxy/http1/head/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/proxy/http1/head/response-head.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { BENCH_HOST, SCENARIOS, type Scenario } from './scenarios.ts';

const settings = DEFAULT_SETTINGS.proxy;
const CLIENT = { scheme: 'http', address: '10.0.0.1', proxiedPort: null, certificate: null, tls: null } as const;

function measure(name: string, step: () => unknown, count = 200_000): void {
  let best = Infinity;
  for (let run = 0; run <= 5; run++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) step();
    // The first run is for the compiler.
    if (run > 0) best = Math.min(best, ((performance.now() - start) / count) * 1e6);
  }
  console.log(`${name.padEnd(48)} ${best.toFixed(0).padStart(8)} ns`);
}

function requestOf({ method, path, headers }: Scenario): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: ${BENCH_HOST}\r\n${lines}\r\n`, 'latin1');
}

const forwarder = new HeadForwarder(CLIENT);
const arena = Buffer.alloc(8192);
let used = 0;
const sink: Sink = {
  text: (text) => void (used += arena.write(text, used, 'latin1')),
  copy: (bytes, start, end) => void (used += bytes.copy(arena, used, start, end)),
};
for (const scenario of SCENARIOS.filter(({ name }) => name === 'get' || name === 'browser')) {
  const bytes = requestOf(scenario);
  const head = new RequestHead();
  measure(`parse: ${scenario.title}`, () => parseRequestHead(bytes, 0, bytes.length, head, settings));
  measure('  and write it for the upstream', () => {
    used = 0;
    forwarder.send(sink, head, settings, newRequestId(), '', null);
  });
}

const response = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: x\r\nDate: Sun, 22 Nov 2026 22:46:27 GMT\r\nContent-Type: text/plain\r\nContent-Length: 49\r\nConnection: keep-alive\r\n\r\n',
  'latin1',
);
const responseHead = new ResponseHead();
measure('parse: a response of five fields', () => parseResponseHead(response, 0, response.length, responseHead, settings));

const CORS_NAMES = ['origin', 'credentials', 'methods', 'headers', 'max-age'].map((name) => `access-control-allow-${name}`);
measure('  and take out of it what CORS replaces', () => responseHead.remove(CORS_NAMES));
const custom = [
  { name: 'X-Frame-Options', value: ['DENY'] },
  ...['A', 'B', 'C'].map((name) => ({ name: `X-${name}`, value: ['1'] })),
];
const set = headerSetter(custom);
measure('  and the lines of four headers that are set', () => {
  const changes = new ResponseChanges();
  set(null as unknown as Passage, changes);
  return changes.lines.length;
});
{
  const [scenario] = SCENARIOS.filter(({ name }) => name === 'browser');
  const bytes = requestOf(scenario!);
  const head = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, head, settings);
  measure('write a changed head: Host and two fields', () => {
    used = 0;
    const changes = new RequestChanges();
    changes.host = 'inner.example';
    changes.replace(['x-a', 'x-real-ip'], 'X-A: 1\r\nX-Real-IP: 1\r\n');
    forwarder.send(sink, head, settings, newRequestId(), '', changes);
  });
}

const deadlines = new Deadlines();
for (let i = 0; i < 10_000; i++) {
  deadlines.add({ deadline: deadlines.after(3_600_000), expire: () => undefined, onBug: () => undefined });
}
measure('look through the deadlines of 10,000 connections', () => deadlines.check(), 200);
deadlines.close();
