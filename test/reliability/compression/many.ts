/** Many compressed responses that stay open at once: what they cost, and that it ends with them. */
import { Crowd } from '../../support/crowd.ts';
import { eventually } from '../../support/eventually.ts';
import { Plane } from '../../support/plane.ts';
import { rawBackend } from '../../support/proxy.ts';
import { ALL_CODINGS, get, prose } from '../../support/coded.ts';

const EVENT = prose(60_000);
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${EVENT.length.toString(16)}\r\n${EVENT}\r\n`;

export interface Cost {
  /** Of them, so many were compressed. */
  readonly compressed: number;
  /** JavaScript's memory, its buffers and that of the compressors, in bytes: of all, and what is left when they are gone. */
  readonly during: number;
  readonly after: number;
}

/** `count` clients that accept `coding` each wait for the second event of a stream; at most `max` of them are compressed. */
export async function manyStreams(coding: string, count: number, max: number): Promise<Cost> {
  const backend = await rawBackend((head) => (head.startsWith('GET /warm') ? 'HTTP/1.1 204 No\r\n\r\n' : ANSWER));
  const plane = await Plane.start({
    endpoints: [backend.port],
    settings: { ...ALL_CODINGS, maxCompressions: max },
    workers: 0,
  });
  const crowd = new Crowd();
  try {
    const used = async (): Promise<number> => {
      const { heapUsed, external } = await plane.memory();
      return heapUsed + external;
    };
    // As many connections as later, so that what they need is there.
    const first = new Crowd();
    await first.join(plane.port, count, (socket) => socket.write(get(coding, '', '/warm')));
    await eventually(() => first.received >= count * 20);
    const before = await used();
    for (const socket of first.sockets) socket.resetAndDestroy();
    await eventually(async () => (await plane.census()).connections === 0);
    const got: number[] = Array.from({ length: count }, () => 0);
    await crowd.join(plane.port, count, (socket, index) => {
      socket.on('data', (bytes: Buffer) => (got[index]! += bytes.length));
      socket.write(get(coding));
    });
    // Compressed it is less than half.
    await eventually(() => got.every((bytes) => bytes > 4000));
    const { compressions: compressed } = await plane.census();
    const during = (await used()) - before;
    // A client that only half-closes would be waited for.
    for (const socket of crowd.sockets) socket.resetAndDestroy();
    await eventually(async () => {
      const { connections, compressions } = await plane.census();
      return connections === 0 && compressions === 0;
    });
    return { compressed, during, after: (await used()) - before };
  } finally {
    crowd.close();
    await plane.close();
    await backend.close();
  }
}
