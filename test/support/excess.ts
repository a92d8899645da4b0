/** More connections than the data plane takes, or the system has files for. */
import { request } from 'node:http';
import { Crowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { Plane } from './plane.ts';
import { rawBackend, response } from './proxy.ts';
import { RawClient } from './raw-client.ts';

export interface ExcessOptions {
  readonly connections: number;
  /** `max-worker-connections`; one worker. */
  readonly maxConnections: number;
  /** `ulimit -n` of the data plane. */
  readonly openFiles?: string;
}

export interface ExcessResult {
  /** Connections that stayed open. */
  readonly kept: number;
  /** The health endpoint answered with this while all were there. */
  readonly health: number;
  /** A request over a connection that was kept. */
  readonly servedOnKept: number;
  /** A request over a new connection once the others are gone. */
  readonly servedAfter: number;
  /** Workers that had to be replaced. */
  readonly restarts: number;
  readonly log: string;
}

export async function excessConnections({ connections, maxConnections, openFiles }: ExcessOptions): Promise<ExcessResult> {
  const backend = await rawBackend(() => response('ok'));
  const plane = await Plane.start({ endpoints: [backend.port], settings: { maxConnections }, workers: 1 }, openFiles);
  const crowd = new Crowd();
  try {
    await crowd.join(plane.port, connections);
    let before = -1;
    // Those in the accept queue are closed when their turn comes.
    await eventually(async () => {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
      const settled = crowd.closed === before;
      before = crowd.closed;
      return settled;
    });
    const kept = crowd.open;
    const health = await healthOf(plane.adminPort);
    const one = crowd.sockets.find((socket) => !socket.destroyed)!;
    let reply = '';
    one.on('data', (chunk: Buffer) => (reply += chunk.toString('latin1')));
    one.write('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => reply.includes('\r\n\r\n'));
    crowd.close();
    const servedAfter = await eventually(async () => {
      const client = await RawClient.connect(plane.port);
      try {
        return (await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status;
      } finally {
        client.close();
      }
    });
    const [worker] = await plane.workers();
    const log = plane.stderr;
    return { kept, health, servedOnKept: Number(reply.slice(9, 12)), servedAfter, restarts: worker!.restarts, log };
  } finally {
    crowd.close();
    await plane.close();
    await backend.close();
  }
}

function healthOf(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/healthz', agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
