/** Ports of TCP and UDP services: found free before any worker listens, and tried again when they are not. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamPorts } from '../../../src/proxy/stream/ports.ts';
import type { Stream } from '../../../src/model/table.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { stream } from '../../support/streams.ts';

const free: string[] = [];
const ports = new StreamPorts((id) => free.push(id));
afterEach(() => {
  ports.stop();
  free.length = 0;
});

const update = (...streams: Stream[]): void => ports.update(new Map(streams.map((one) => [one.id, one])), '127.0.0.1');

describe('StreamPorts', () => {
  it('says once of each port that it is free', async () => {
    const [one, two] = [stream('TCP', await freePort()), stream('UDP', await freePort())];
    update(one);
    await eventually(() => free.length === 1);
    update(one, two);
    await eventually(() => free.length === 2);
    update(one, two);
    expect(free).toEqual([one.id, two.id]);
    expect([ports.free(), ports.problems()]).toEqual([[one.id, two.id], []]);
    update(two);
    expect(ports.free()).toEqual([two.id]);
  });

  it('finds a port that another process shares by SO_REUSEPORT, and has it when that is gone', async () => {
    const [tcp, udp] = [stream('TCP', await freePort()), stream('UDP', await freePort())];
    const server = net.createServer().listen({ port: tcp.port, host: '127.0.0.1', reusePort: true });
    const socket = dgram.createSocket({ type: 'udp4', reusePort: true }).bind(udp.port, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(socket, 'listening')]);
    let changes = 0;
    ports.watch(() => changes++);
    update(tcp, udp);
    await eventually(() => ports.problems().length === 2);
    expect(ports.problems().map(({ protocol, port }) => [protocol, port])).toEqual([
      ['TCP', tcp.port],
      ['UDP', udp.port],
    ]);
    for (const { reason } of ports.problems()) expect(reason).toContain('EADDRINUSE');
    expect([free, changes]).toEqual([[], 2]);
    server.close();
    socket.close();
    await eventually(() => free.length === 2);
    assert.deepEqual(ports.problems(), []);
    expect(changes).toBe(4);
  });

  it('lets a worker that could not listen try again, though others have the port', async () => {
    const one = stream('TCP', await freePort());
    update(one);
    await eventually(() => free.length === 1);
    const server = net.createServer().listen({ port: one.port, host: '127.0.0.1', reusePort: true });
    await once(server, 'listening');
    ports.failed(one.id, 'EMFILE', '127.0.0.1');
    expect(ports.problems()).toEqual([{ protocol: 'TCP', port: one.port, reason: 'EMFILE' }]);
    await eventually(() => free.length === 2);
    expect(ports.problems()).toEqual([]);
    server.close();
  });

  it('forgets an entry that is gone while it is tried', async () => {
    const one = stream('TCP', await freePort());
    update(one);
    update();
    const two = stream('TCP', await freePort());
    update(two);
    await eventually(() => free.length === 1);
    expect(free).toEqual([two.id]);
  });
});
