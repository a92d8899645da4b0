/**
 * Threat: a limit that refuses too late, or keeps what it refused, is no bound of memory. Source: R31, R53, R56 and C13 in their
 * HTTP/1.1 form. Ten times each limit from many connections at once, and the memory of a data plane in a process of its own.
 */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Crowd } from '../../support/crowd.ts';
import { eventually } from '../../support/eventually.ts';
import { Plane } from '../../support/plane.ts';
import { rawBackend, response } from '../../support/proxy.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const CLIENTS = 200;
const KIB = 1024;
/** What a measurement may be off by. */
const NOISE = 3 << 20;
const HOST = 'Host: app.example\r\n';

interface Scene {
  readonly plane: Plane;
  readonly crowd: Crowd;
  /** JavaScript's memory and its buffers, in bytes. */
  readonly used: () => Promise<number>;
}

async function start(answer: Parameters<typeof rawBackend>[0], settings: Partial<ProxySettings> = {}): Promise<Scene> {
  const backend = await rawBackend(answer);
  open.push(backend);
  const plane = await Plane.start({ endpoints: [backend.port], settings, workers: 0 });
  open.push(plane);
  const crowd = new Crowd();
  open.push(crowd);
  const used = async (): Promise<number> => {
    const { heapUsed, external } = await plane.memory();
    return heapUsed + external;
  };
  // The first requests make what every later one uses.
  const first = new Crowd();
  await first.join(plane.port, 20, (socket) => socket.write(`GET / HTTP/1.1\r\n${HOST}\r\n`));
  await eventually(() => first.received > 0);
  first.close();
  await eventually(async () => (await plane.census()).connections === 0);
  return { plane, crowd, used };
}

/** The memory that the connections of `send` take, once `settled`: of each, in bytes. And that none of it stays. */
async function each(
  scene: Scene,
  send: (socket: Socket) => void,
  settled: (scene: Scene) => Promise<boolean>,
): Promise<number> {
  const { plane, crowd, used } = scene;
  const before = await used();
  await crowd.join(plane.port, CLIENTS, send);
  await eventually(() => settled(scene));
  const during = await used();
  crowd.close();
  await eventually(async () => {
    const { connections, upstreams, idleUpstreams, bugs } = await plane.census();
    expect({ connections, busy: upstreams - idleUpstreams, bugs }).toEqual({ connections: 0, busy: 0, bugs: [] });
    return true;
  });
  await eventually(async () => {
    expect(await used()).toBeLessThan(before + NOISE);
    return true;
  });
  return (during - before - NOISE) / CLIENTS;
}

const allGone = async ({ crowd }: Scene): Promise<boolean> => Promise.resolve(crowd.open === 0);

/** Nothing moves any more: what a client could send is with the proxy or in the sockets' buffers. */
function stalled(bytes: () => number): (scene: Scene) => Promise<boolean> {
  let before = -1;
  return async ({ plane, crowd }) => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    const { connections } = await plane.census();
    const settled = connections === crowd.open && bytes() === before;
    before = bytes();
    return settled;
  };
}

describe('memory under ten times the limit', () => {
  it('of a head, incomplete', async () => {
    const scene = await start(() => response('ok'));
    // A byte less than the limit: the most that can be held without being refused.
    const head = `GET / HTTP/1.1\r\n${HOST}${`X: ${'v'.repeat(8 * KIB - 5)}\r\n`.repeat(4)}`.slice(0, 32 * KIB - 1);
    const taken = await each(
      scene,
      (socket) => socket.write(head),
      stalled(() => scene.crowd.sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)),
    );
    expect(taken).toBeLessThan(2 * 32 * KIB);
  });

  it('of a head, refused', async () => {
    const scene = await start(() => response('ok'));
    const field = `X: ${'v'.repeat(4 * KIB)}\r\n`;
    const taken = await each(scene, (socket) => socket.end(`GET / HTTP/1.1\r\n${HOST}${field.repeat(80)}`), allGone);
    expect(taken).toBeLessThan(KIB);
  });

  it('of a body of one-byte chunks that waits for its answer', async () => {
    const scene = await start((head) => (head.startsWith('GET') ? response('ok') : null));
    const chunks = '1\r\nx\r\n'.repeat(10_000);
    const send = (socket: Socket): void => {
      socket.write(`PUT / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    };
    const taken = await each(
      scene,
      send,
      stalled(() => scene.crowd.sockets.reduce((sum, one) => sum + one.bytesWritten, 0)),
    );
    expect(taken).toBeLessThan(3 * 64 * KIB);
  });

  it('of hosts that nobody serves: what is remembered of them is their name', async () => {
    const scene = await start(() => response('ok'));
    const fields = `X: ${'v'.repeat(7 * KIB)}\r\n`.repeat(4);
    let asked = 0;
    const send = (socket: Socket): void => {
      for (let i = 0; i < 20; i++) socket.write(`GET / HTTP/1.1\r\nHost: host-${asked++}.example.org\r\n${fields}\r\n`);
      socket.end();
    };
    expect(await each(scene, send, allGone)).toBeLessThan(KIB);
    expect(asked).toBe(20 * CLIENTS);
  });

  it('of chunk extensions and trailers', async () => {
    const scene = await start((head) => (head.startsWith('GET') ? response('ok') : null));
    let turn = 0;
    const send = (socket: Socket): void => {
      const flooded = turn++ % 2 === 0 ? `1;${'e'.repeat(160 * KIB)}` : `0\r\nT: ${'t'.repeat(80 * KIB)}`;
      socket.end(`PUT / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${flooded}`);
    };
    expect(await each(scene, send, allGone)).toBeLessThan(KIB);
  });
});
