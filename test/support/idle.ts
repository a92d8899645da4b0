/** Connections that were used once and stay: how much memory they take, and whether others are served beside them. */
import { once } from 'node:events';
import { Crowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { Load } from './load.ts';
import { Plane } from './plane.ts';
import { rawBackend, response } from './proxy.ts';

export interface IdleResult {
  /** Bytes for one idle connection: of the process, and of what JavaScript and its buffers take of that. */
  readonly resident: number;
  readonly heap: number;
  /** Bytes of the whole process with all of them. */
  readonly total: number;
  readonly answered: number;
  readonly failures: readonly string[];
}

/** `head`: the request that each of them sends once. */
export async function idleConnections(count: number, head: string): Promise<IdleResult> {
  const backend = await rawBackend(() => response('ok'));
  const plane = await Plane.start({ endpoints: [backend.port], settings: {}, workers: 0 });
  const crowd = new Crowd();
  const load = new Load({ port: plane.port, host: 'app.example', connections: 2, interval: 1 });
  try {
    await eventually(() => load.answered > 100);
    const before = await plane.memory();
    let answered = 0;
    await crowd.join(plane.port, count, (socket) => {
      void once(socket, 'data').then(() => answered++);
      socket.write(head);
    });
    await eventually(() => answered === count);
    await eventually(async () => (await plane.census()).connections === count + 2);
    const after = await plane.memory();
    const served = load.answered;
    await eventually(() => load.answered > served + 10);
    return {
      resident: (after.rss - before.rss) / count,
      heap: (after.heapUsed + after.external - before.heapUsed - before.external) / count,
      total: after.rss,
      answered: load.answered,
      failures: load.failures,
    };
  } finally {
    await load.stop();
    crowd.close();
    await plane.close();
    await backend.close();
  }
}
