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
  /** What the process took more while they were open, in bytes: what compressors allocate, V8 does not count. */
  readonly during: number;
  /** JavaScript's memory and its buffers, more than before, once they are gone. */
  readonly after: number;
  /** What the process took more, once they were gone, after the last round than after the first: nothing is left behind by each. */
  readonly growth: number;
}

/** In each round `count` clients that accept `coding` wait for the second event of a stream; at most `max` of them are compressed. */
export async function manyStreams(coding: string, count: number, max: number, rounds: number): Promise<Cost> {
  const backend = await rawBackend((head) => (head.startsWith('GET /warm') ? 'HTTP/1.1 204 No\r\n\r\n' : ANSWER));
  const plane = await Plane.start({
    endpoints: [backend.port],
    settings: { ...ALL_CODINGS, maxCompressions: max },
    workers: 0,
  });
  let crowd = new Crowd();
  // A client that only half-closes would be waited for.
  const leave = async (): Promise<void> => {
    for (const socket of crowd.sockets) socket.resetAndDestroy();
    await eventually(async () => {
      const { connections, compressions } = await plane.census();
      return connections === 0 && compressions === 0;
    });
  };
  try {
    // As many connections as later, so that what they need is there.
    await crowd.join(plane.port, count, (socket) => socket.write(get(coding, '', '/warm')));
    await eventually(() => crowd.received >= count * 20);
    const before = await plane.memory();
    await leave();
    let compressed = 0;
    let during = 0;
    const resident: number[] = [];
    for (let round = 0; round < rounds; round++) {
      crowd = new Crowd();
      const got: number[] = Array.from({ length: count }, () => 0);
      await crowd.join(plane.port, count, (socket, index) => {
        socket.on('data', (bytes: Buffer) => (got[index]! += bytes.length));
        socket.write(get(coding));
      });
      // Compressed, too, an event is more than that.
      await eventually(() => got.every((bytes) => bytes > 4000));
      compressed = (await plane.census()).compressions;
      during = Math.max(during, (await plane.memory()).rss - before.rss);
      await leave();
      resident.push((await plane.memory()).rss);
    }
    const after = await plane.memory();
    return {
      compressed,
      during,
      after: after.heapUsed + after.external - before.heapUsed - before.external,
      growth: resident.at(-1)! - resident[0]!,
    };
  } finally {
    crowd.close();
    await plane.close();
    await backend.close();
  }
}
