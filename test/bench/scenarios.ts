/** What is measured: one row per kind of request. A new row is all a new scenario needs. */
import { backendKey } from '../../src/policies/balance/session-cookie.ts';

/** One kind of work, done over and over, whose CPU time is counted. */
export interface Scenario {
  readonly name: string;
  /** What it stands for, in a few words. */
  readonly title: string;
  /** Who makes the load: wrk, h2load for HTTP/2, or a client of ours (`load/`) for what neither can do. */
  readonly load: 'wrk' | 'h2load' | 'handshakes' | 'websocket';
  /** What the CPU time is divided by. */
  readonly unit: 'request' | 'handshake' | 'message';
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly method: string;
  readonly path: string;
  /** Without Host and what frames the body. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes of request body; 0: none. */
  readonly bodyLength: number;
  /** The request body is chunked. */
  readonly chunked: boolean;
  readonly connections: number;
  /** Routes in the table beside those of the three hosts below; requests are then spread over all of them. */
  readonly routes: number;
  /** TLS sessions are resumed wherever the proxy offers it. */
  readonly resumed: boolean;
  /** Measured with the access log on, too. */
  readonly logged: boolean;
  /** What is asked of Sluice: CPU time as a ratio to nginx's. Null: nothing. */
  readonly goal: number | null;
  /** Connections are kept alive, where Sluice is to cost no more than a third of Caddy. */
  readonly keepAlive: boolean;
}

/** The Host of most requests. Its certificate is RSA-2048, also served without SNI and for localhost. */
export const BENCH_HOST = 'bench.example.com';
/** The same with an ECDSA P-256 certificate. */
export const ECDSA_HOST = 'ecdsa.example.com';
/** Its backend speaks WebSocket. */
export const WEBSOCKET_HOST = 'websocket.example.com';

/** Its one route has ten policies that many an Ingress has, `POLICIES`. */
export const POLICIES_HOST = 'policies.example.com';

/** What the backend answers with on most paths: small, as most answers of an API are. */
export const RESPONSE_BODY = 'x'.repeat(128);

/** Paths that the backend answers with other bodies, by their length. The chunked one has no Content-Length. */
export const BODY_LENGTHS: Readonly<Record<string, number>> = { '/10k': 10_240, '/1m': 1_048_576, '/chunked': 1024 };

/** The body that belongs to a path. */
export function responseBody(path: string): string {
  const length = BODY_LENGTHS[path];
  return length === undefined ? RESPONSE_BODY : 'x'.repeat(length);
}

const PATHS_PER_HOST = 10;

/** A host with all its path prefixes; the last takes every path. */
export interface RouteHost {
  readonly host: string;
  readonly prefixes: readonly string[];
}

/** Hosts whose paths are `count` routes. All have the backend of `BENCH_HOST`. */
export function routeHosts(count: number): readonly RouteHost[] {
  const prefixes = Array.from({ length: PATHS_PER_HOST }, (_, n) => (n === PATHS_PER_HOST - 1 ? '/' : `/part-${n}/`));
  return Array.from({ length: Math.ceil(count / PATHS_PER_HOST) }, (_, n) => ({ host: `host-${n}.example.com`, prefixes }));
}

const FEW_HEADERS = [
  ['User-Agent', 'bench/1.0'],
  ['Accept', '*/*'],
  ['Accept-Encoding', 'gzip'],
  ['X-Trace', '4bf92f3577b34da6a3ce929d0e0e4736'],
] as const;

const BROWSER_HEADERS = [
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Cache-Control', 'max-age=0'],
  ['Referer', 'https://bench.example.com/shop/items?page=2&order=price'],
  ['Cookie', 'session=6f1c2b9e0a7d4f53; theme=dark; consent=analytics%3Dfalse; cart=3f9a6c51-7f0e-4a51-bb65-0a9e2b7f4e11'],
  ['Upgrade-Insecure-Requests', '1'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-CH-UA', '"Chromium";v="140", "Not=A?Brand";v="24"'],
  ['Sec-CH-UA-Mobile', '?0'],
  ['Sec-CH-UA-Platform', '"Linux"'],
] as const;

const BASE = {
  load: 'wrk',
  unit: 'request',
  scheme: 'http',
  host: BENCH_HOST,
  method: 'GET',
  path: '/',
  headers: FEW_HEADERS,
  bodyLength: 0,
  chunked: false,
  connections: 64,
  routes: 0,
  resumed: false,
  logged: true,
  goal: null,
  keepAlive: true,
} as const;

/** A user of a page of another origin, who has been here before. */
const POLICIES_HEADERS = [
  ...FEW_HEADERS,
  ['Origin', 'https://shop.example.com'],
  ['Cookie', `session=6f1c2b9e0a7d4f53; route=1732348800.123.42.7|${backendKey('default-app-80')}`],
] as const;

const ONE_REQUEST_EACH = { headers: [...FEW_HEADERS, ['Connection', 'close'] as const], keepAlive: false } as const;

const HANDSHAKE = {
  ...BASE,
  ...ONE_REQUEST_EACH,
  load: 'handshakes',
  unit: 'handshake',
  scheme: 'https',
  connections: 16,
  goal: 1.2,
} as const;

/** What is sent, and what it is compared by: see the README. */
export const SCENARIOS: readonly Scenario[] = [
  { ...BASE, name: 'get', title: 'GET, five headers', goal: 1 },
  {
    ...BASE,
    name: 'browser',
    title: "GET, a browser's fifteen headers",
    path: '/shop/items?page=3',
    headers: BROWSER_HEADERS,
    goal: 1,
  },
  { ...BASE, name: 'post', title: 'POST of 1 KiB', method: 'POST', bodyLength: 1024, goal: 1.1 },
  { ...BASE, name: '10k', title: 'response of 10 KiB', path: '/10k', goal: 1.1 },
  { ...BASE, name: '1m', title: 'response of 1 MiB', path: '/1m', connections: 16, goal: 1.3 },
  {
    ...BASE,
    name: 'chunked',
    title: 'chunked both ways, 1 KiB',
    method: 'POST',
    path: '/chunked',
    bodyLength: 1024,
    chunked: true,
  },
  { ...BASE, name: 'tls', title: 'GET over TLS, keep-alive', scheme: 'https', goal: 1.2 },
  { ...BASE, name: 'h2', title: 'GET over TLS, HTTP/2', load: 'h2load', scheme: 'https', connections: 16, goal: 2 },
  { ...BASE, ...ONE_REQUEST_EACH, name: 'connect', title: 'a connection per request' },
  { ...HANDSHAKE, name: 'rsa-full', title: 'TLS handshake, RSA-2048' },
  { ...HANDSHAKE, name: 'rsa-resumed', title: '  resumed', resumed: true },
  { ...HANDSHAKE, name: 'ecdsa-full', title: 'TLS handshake, ECDSA P-256', host: ECDSA_HOST },
  { ...HANDSHAKE, name: 'ecdsa-resumed', title: '  resumed', host: ECDSA_HOST, resumed: true },
  // The log has a line for a connection, and nothing for a message.
  {
    ...BASE,
    name: 'websocket',
    title: 'WebSocket echo, 32 bytes',
    load: 'websocket',
    unit: 'message',
    host: WEBSOCKET_HOST,
    logged: false,
    keepAlive: false,
  },
  {
    ...BASE,
    name: 'policies',
    title: 'GET over TLS through ten policies',
    scheme: 'https',
    host: POLICIES_HOST,
    path: '/api/items?page=3',
    headers: POLICIES_HEADERS,
    goal: 1.5,
  },
  { ...BASE, name: 'routes', title: 'GET among 10,000 routes', routes: 10_000, goal: 1, keepAlive: false },
];
