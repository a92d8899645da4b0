/**
 * Threat: a call of gRPC is cut, mixed up, or told a wrong status on its way through the proxy. Reliability case C16; gRPC over HTTP/2
 * (grpc/grpc, doc/PROTOCOL-HTTP2.md), doc/http-grpc-status-mapping.md. With the real client and server of @grpc/grpc-js.
 */
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { grpcClient, grpcProxy, grpcServer, type GrpcClient, type Handlers } from '../../support/grpc.ts';
import { freePort } from '../../support/ports.ts';
import { group, host, prefixRoute, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { growth } from './large-streams.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';

const { status } = grpc;
const stage = new Stage();

afterEach(() => stage.close());

async function calls(
  handlers: Handlers = {},
  settings: Partial<ProxySettings> = {},
): Promise<{ client: GrpcClient; proxy: TestProxy }> {
  const server = stage.opened(await grpcServer(handlers));
  const proxy = await grpcProxy(stage, [server.port], settings);
  return { client: grpcClient(stage, proxy), proxy };
}

describe('C16: a call', () => {
  it('of one message each way has its answer, and all calls share a connection to the backend', async () => {
    const { client, proxy } = await calls();
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => client.unary(`call ${i}`)));
    expect(all.map(({ code, message }) => [code, message])).toEqual(all.map((_, i) => [status.OK, `re: call ${i}`]));
    expect(proxy.runtime.census().upstreams).toBe(1);
  });

  it('that streams to the server has one answer; the end of its messages arrives, and nothing is lost', async () => {
    const { client } = await calls();
    const { call, ended } = client.gather();
    for (let i = 0; i < 1000; i++) call.write(Buffer.alloc(1000));
    call.end();
    expect(await ended).toMatchObject({ code: status.OK, message: '1000000' });
  });

  it('that streams to the client has all messages in order', async () => {
    const { client } = await calls();
    const { messages, ended } = client.spread(1000);
    expect(await ended).toMatchObject({ code: status.OK });
    expect(messages).toEqual(Array.from({ length: 1000 }, (_, i) => `message ${i}`));
  });

  it('of 10,000 messages both ways at once has each of them back', async () => {
    const { client } = await calls();
    const { call, ended } = client.echo();
    let next = 0;
    let misplaced = 0;
    call.on('data', (message: Buffer) => void (message.toString() === `message ${next++}` || misplaced++));
    for (let i = 0; i < 10_000; i++) if (!call.write(Buffer.from(`message ${i}`))) await once(call, 'drain');
    call.end();
    expect(await ended).toMatchObject({ code: status.OK });
    expect([next, misplaced]).toEqual([10_000, 0]);
  });

  it('that one side has ended goes on for the other', async () => {
    let halfClosed = false;
    const { client } = await calls({
      echo: (call) => {
        call.on('data', () => undefined);
        call.on('end', () => {
          halfClosed = true;
          call.write(Buffer.from('late'));
          call.end();
        });
      },
    });
    const { call, ended } = client.echo();
    const late = once(call, 'data');
    call.end();
    expect(String((await late)[0])).toBe('late');
    expect(halfClosed).toBe(true);
    expect(await ended).toMatchObject({ code: status.OK });
  });

  it('keeps the status, the message and the trailers that its server gives, with and without messages before them', async () => {
    const trailers = new grpc.Metadata();
    trailers.set('x-why', 'because');
    const failure = { code: status.FAILED_PRECONDITION, details: 'not äs it should be', metadata: trailers };
    const { client } = await calls({
      unary: (_, done) => done(failure),
      spread: (call) => {
        call.write(Buffer.from('one'));
        call.emit('error', failure);
      },
    });
    const alone = await client.unary('x');
    expect([alone.code, alone.details, alone.trailers.get('x-why')]).toEqual([failure.code, failure.details, ['because']]);
    const { messages, ended } = client.spread(1);
    const after = await ended;
    expect([messages, after.code, after.trailers.get('x-why')]).toEqual([['one'], failure.code, ['because']]);
  });

  it('that its server ends while the client is still sending keeps its status, and what came before it', async () => {
    const { client } = await calls({
      echo: (call) => {
        call.once('data', () => {
          call.write(Buffer.from('one'));
          call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'enough' });
        });
      },
    });
    for (let round = 0; round < 20; round++) {
      const { call, ended } = client.echo();
      let messages = 0;
      call.on('data', () => messages++);
      call.write(Buffer.alloc(round % 2 === 0 ? 10 : 100_000));
      const { code, details } = await ended;
      expect([code, details, messages]).toEqual([status.RESOURCE_EXHAUSTED, 'enough', 1]);
    }
  });

  it('whose deadline passes is cancelled at its server', async () => {
    let cancelled = false;
    let deadline = 0;
    const { client } = await calls({
      unary: (call) => {
        deadline = Number(call.getDeadline());
        call.on('cancelled', () => (cancelled = true));
      },
    });
    const sent = Date.now() + 300;
    expect(await client.unary('x', { deadline: sent })).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await eventually(() => cancelled);
    // The server knew of it too: grpc-timeout was passed on.
    expect(Math.abs(deadline - sent)).toBeLessThan(60_000);
  });

  it('that its client cancels is cancelled at its server, in the middle of messages', async () => {
    let cancelled = false;
    const { client } = await calls({
      echo: (call) => {
        call.on('data', (message: Buffer) => call.write(message));
        call.on('cancelled', () => (cancelled = true));
        call.on('error', () => undefined);
      },
    });
    const { call, ended } = client.echo();
    call.write(Buffer.from('one'));
    await once(call, 'data');
    call.cancel();
    expect(await ended).toMatchObject({ code: status.CANCELLED });
    await eventually(() => cancelled);
  });

  it('of 64 MiB both ways arrives whole, and is not kept by any of the three in this process', async () => {
    const { back, grown } = await growth(stage, 67_108_864);
    expect(back).toBe(67_108_864);
    expect(grown).toBeLessThan(50_331_648);
  });
});

describe('C16: a failure of the proxy is a status of gRPC', () => {
  it('UNAVAILABLE without endpoints, with one that refuses, and with one that is silent', async () => {
    const silent = await stage.backend(() => null);
    const none = await grpcProxy(stage, []);
    const refusing = await grpcProxy(stage, [await freePort()]);
    const timing = await grpcProxy(stage, [silent.port], { upstreamConnectTimeout: 100 });
    for (const [proxy, details] of [
      [none, '503 Service Temporarily Unavailable'],
      [refusing, '502 Bad Gateway'],
      [timing, '504 Gateway Time-out'],
    ] as const)
      expect(await grpcClient(stage, proxy).unary('x')).toMatchObject({ code: status.UNAVAILABLE, details });
  });

  it('UNIMPLEMENTED where there is no route; and UNKNOWN, never silence, for a message too large', async () => {
    const server = stage.opened(await grpcServer());
    const proxy = await grpcProxy(stage, [server.port], { maxRequestBodySize: 1000 });
    expect(await grpcClient(stage, proxy, 'other.example').unary('x')).toMatchObject({ code: status.UNIMPLEMENTED });
    expect(await grpcClient(stage, proxy).unary(Buffer.alloc(2000))).toMatchObject({
      code: status.UNKNOWN,
      details: '413 Request Entity Too Large',
    });
  });

  it('UNAVAILABLE where the route is denied', async () => {
    const denied = prefixRoute('/', { kind: 'answer', status: 503 });
    const proxy = stage.watched(await startProxy(table([host('app.example', [denied])], [group('app', [])])));
    expect(await grpcClient(stage, proxy).unary('x')).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('INTERNAL, and no end that looks like a good one, when the server dies in the middle of an answer', async () => {
    const server = await grpcServer({ spread: (call) => void call.write(Buffer.from('one')) });
    const proxy = await grpcProxy(stage, [server.port]);
    const { call, ended } = grpcClient(stage, proxy).spread(1);
    await once(call, 'data');
    server.close();
    expect((await ended).code).not.toBe(status.OK);
  });
});
