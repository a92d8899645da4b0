/** What is measured: one row per kind of request. A new row is all a new scenario needs. */

/** One kind of request, sent over and over on keep-alive connections. */
export interface Scenario {
  readonly name: string;
  /** What it stands for, in a few words. */
  readonly title: string;
  readonly scheme: 'http' | 'https';
  readonly method: string;
  readonly path: string;
  /** Without Host and Content-Length. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes of request body; 0: none. */
  readonly bodyLength: number;
  readonly connections: number;
}

/** The Host of every request. */
export const BENCH_HOST = 'bench.example.com';

/** What the backend answers with: small, as most answers of an API are. */
export const RESPONSE_BODY = 'x'.repeat(128);

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

const BASE = { scheme: 'http', method: 'GET', path: '/', headers: FEW_HEADERS, bodyLength: 0, connections: 64 } as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...BASE, name: 'get', title: 'HTTP/1.1 GET, five headers' },
  {
    ...BASE,
    name: 'browser',
    title: "HTTP/1.1 GET, a browser's fifteen headers",
    path: '/shop/items?page=3',
    headers: BROWSER_HEADERS,
  },
  { ...BASE, name: 'post', title: 'HTTP/1.1 POST of 1 KiB', method: 'POST', bodyLength: 1024 },
  { ...BASE, name: 'tls', title: 'HTTP/1.1 GET over TLS, five headers', scheme: 'https' },
];
