/** Slow clients against the data plane while others are served as ever (slowhttptest's modes). */
import type { Socket } from 'node:net';
import { Crowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { Load } from './load.ts';
import { response, type TestProxy } from './proxy.ts';
import type { Stage } from './stage.ts';

/** `read`: takes nothing of its large answer, for which `/large` is asked. */
type SlowMode = 'silence' | 'head' | 'body' | 'read';

const OPENING: Record<SlowMode, string> = {
  silence: '',
  head: 'GET / HTTP/1.1\r\nHost: app.example\r\nX: ',
  body: 'PUT /slow HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100000\r\n\r\nabc',
  read: 'GET /large HTTP/1.1\r\nHost: app.example\r\n\r\n',
};

/** Connections of those who are not slow. */
const GOOD = 4;

/** Everything seen of one attack. */
interface SlowResult {
  /** Good requests answered while the slow clients were there. */
  readonly answered: number;
  readonly failures: readonly string[];
}

/** Attacks with `count` clients until the proxy has got rid of every one of them. */
async function slowloris(proxy: TestProxy, mode: SlowMode, count: number): Promise<SlowResult> {
  const load = new Load({ port: proxy.port, host: 'app.example', connections: GOOD, interval: 2 });
  const crowd = new Crowd();
  // Heads keep coming, byte by byte: only the time for all of it can end that.
  const drip = setInterval(() => {
    if (mode === 'head') for (const socket of crowd.sockets) if (socket.writable) socket.write('x');
  }, 100);
  try {
    await crowd.join(proxy.port, count, (socket: Socket) => {
      if (mode === 'read') socket.pause();
      socket.write(OPENING[mode]);
    });
    const before = load.answered;
    // Not by what the clients see: one that reads nothing does not see that it was cut.
    await eventually(() => proxy.runtime.connections.size <= GOOD && load.answered > before, 120_000);
    for (const socket of crowd.sockets) socket.resume();
    await eventually(() => crowd.open === 0);
  } finally {
    clearInterval(drip);
    await load.stop();
    crowd.close();
  }
  return { answered: load.answered, failures: load.failures };
}

const LARGE = Buffer.alloc(8 << 20, 0x79);

/**
 * A proxy and a backend with a large answer, attacked by `count` clients. `timeout`: of every phase, in milliseconds.
 */
export async function slowScene(stage: Stage, mode: SlowMode, count: number, timeout: number): Promise<SlowResult> {
  const backend = await stage.backend((head, socket) => {
    if (head.startsWith('GET / ')) return response('ok');
    if (head.startsWith('GET /large ')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
      socket.write(LARGE);
    }
    return null;
  });
  const proxy = await stage.proxyTo([backend.port], {
    clientHeaderTimeout: timeout,
    clientBodyTimeout: timeout,
    clientSendTimeout: timeout,
    lingeringTimeout: timeout,
    keepAliveTimeout: timeout,
  });
  return slowloris(proxy, mode, count);
}
