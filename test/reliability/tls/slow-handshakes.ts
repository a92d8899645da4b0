/** B8, for any number of clients: handshakes that never end, beside traffic that must not notice. */
import { once } from 'node:events';
import net from 'node:net';
import { clientHello } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestProxy } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { handshake } from '../../support/tls-client.ts';

const HELLO = clientHello([Buffer.from('app.example')]);

/** What a client of each kind does once it is connected. Returns how to end it. */
const KINDS: Readonly<Record<string, (socket: net.Socket) => () => void>> = {
  'sends nothing': () => () => undefined,
  'sends half a ClientHello': (socket) => {
    socket.write(HELLO.subarray(0, HELLO.length >> 1));
    return () => undefined;
  },
  'sends a ClientHello byte by byte, for ever': (socket) => {
    let sent = 0;
    const timer = setInterval(() => socket.write(HELLO.subarray(sent, ++sent)), 20);
    return () => clearInterval(timer);
  },
  'sends a ClientHello and then nothing': (socket) => {
    socket.write(HELLO);
    return () => undefined;
  },
};

/** What came of it. */
export interface SlowHandshakes {
  /** Of every slow client, the milliseconds from its connect to its close, by what it did. */
  readonly closedAfter: ReadonlyMap<string, readonly number[]>;
  /** Of the good traffic meanwhile. */
  readonly statuses: ReadonlySet<number>;
  readonly requests: number;
  readonly handshakes: number;
}

/** `each` clients of every kind against the HTTPS port of `proxy`, whose host `app.example` answers, until all are closed. */
export async function slowHandshakes(proxy: TestProxy, each: number): Promise<SlowHandshakes> {
  const closedAfter = new Map<string, number[]>();
  let open = 0;
  for (const [kind, act] of Object.entries(KINDS)) {
    const times: number[] = [];
    closedAfter.set(kind, times);
    for (let i = 0; i < each; i++) {
      const began = performance.now();
      const socket = net.connect(proxy.httpsPort, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      await once(socket, 'connect');
      open++;
      const end = act(socket);
      socket.on('close', () => {
        end();
        open--;
        times.push(performance.now() - began);
      });
    }
  }
  const statuses = new Set<number>();
  let requests = 0;
  let handshakes = 0;
  const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
  await eventually(async () => {
    statuses.add((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status);
    requests++;
    await handshake(proxy.httpsPort, 'app.example');
    handshakes++;
    return open === 0;
  }, 120_000);
  client.close();
  return { closedAfter, statuses, requests, handshakes };
}
