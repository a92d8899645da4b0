import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../support/pki.ts';
import { freePort } from '../../support/ports.ts';
import { ProcessGroup } from '../processes.ts';
import { ECDSA_HOST, RESPONSE_BODY, SCENARIOS, type Scenario } from '../scenarios.ts';
import { checkAnswer } from './check.ts';
import { runClient } from './clients.ts';
import type { RateOptions, RateResult } from './constant-rate.ts';
import type { HandshakeOptions } from './handshakes.ts';
import { requestText, requestTexts } from './request.ts';
import { responseLength } from './response.ts';
import { type LoadResult, parseResult, percentiles } from './result.ts';
import { acceptKey, clientFrame, echoFrame, frameLength, serverFrame } from './websocket-frames.ts';
import type { WebSocketOptions } from './websocket.ts';
import { wrkScript } from './wrk.ts';

function scenario(name: string): Scenario {
  return SCENARIOS.find((each) => each.name === name)!;
}

const closers: (() => void)[] = [];
const group = (): ProcessGroup => {
  const processes = new ProcessGroup();
  closers.push(() => void processes.stop());
  return processes;
};
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function portOf(server: Server | ReturnType<typeof createRawServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('requests', () => {
  it('are framed as their scenario says', () => {
    expect(requestText(scenario('get'))).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: bench\.example\.com\r\nUser-Agent: .*\r\n\r\n$/s);
    expect(requestText(scenario('post'))).toMatch(/\r\nContent-Length: 1024\r\n\r\nb{1024}$/);
    expect(requestText(scenario('chunked'))).toMatch(
      /\r\nTransfer-Encoding: chunked\r\n\r\n200\r\nb{512}\r\n200\r\nb{512}\r\n0\r\n\r\n$/,
    );
    expect(requestText(scenario('connect'))).toContain('\r\nConnection: close\r\n');
  });

  it('go to every route', () => {
    const texts = requestTexts(scenario('routes'));
    expect(texts).toHaveLength(10_000);
    expect(new Set(texts).size).toBe(10_000);
    expect(texts[0]).toContain('GET /part-0/item HTTP/1.1\r\nHost: host-0.example.com\r\n');
    expect(texts.at(-1)).toContain('GET /item HTTP/1.1\r\nHost: host-999.example.com\r\n');
  });

  it('are quoted in the script of wrk', () => {
    const script = wrkScript({ ...scenario('get'), headers: [['Sec-CH-UA', '"a\\b"']] });
    expect(script).toContain('Sec-CH-UA: \\034a\\092b\\034\\013\\010\\013\\010"');
  });
});

describe('results', () => {
  it('are read, and an output without one refused', () => {
    expect(parseResult('Running\n\nRESULT {"requests":5,"errors":0}\n')).toEqual({ requests: 5, errors: 0 });
    expect(() => parseResult('unable to connect')).toThrow('unable to connect');
  });

  it('have percentiles by the nearest rank', () => {
    const durations = Float64Array.from({ length: 1000 }, (_, n) => 1000 - n);
    expect(percentiles(durations)).toEqual({ p50: 500_000, p90: 900_000, p99: 990_000 });
    expect(percentiles(Float64Array.of(3))).toEqual({ p50: 3000, p90: 3000, p99: 3000 });
  });
});

describe('the end of a response', () => {
  it('is found, and other answers refused', () => {
    const whole = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc');
    expect(responseLength(whole)).toBe(whole.length);
    expect([responseLength(whole.subarray(0, 10)), responseLength(whole.subarray(0, -1))]).toEqual([0, 0]);
    expect(responseLength(Buffer.concat([whole, whole]))).toBe(whole.length);
    expect(() => responseLength(Buffer.from('HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n'))).toThrow('502');
    expect(() => responseLength(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('not the answer');
  });
});

describe('WebSocket frames', () => {
  it('are those of RFC 6455', () => {
    // Sections 1.3 and 5.7.
    expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    const client = Buffer.from('818537fa213d7f9f4d5158', 'hex');
    expect(clientFrame(Buffer.from('Hello'), Buffer.from('37fa213d', 'hex'))).toEqual(client);
    expect(serverFrame(Buffer.from('Hello'))).toEqual(Buffer.from('810548656c6c6f', 'hex'));
    expect(echoFrame(client)).toEqual(serverFrame(Buffer.from('Hello')));
    expect([frameLength(client), frameLength(client.subarray(0, 10)), frameLength(client.subarray(0, 1))]).toEqual([11, 0, 0]);
    expect(() => frameLength(Buffer.from('8800', 'hex'))).toThrow('8800');
  });
});

describe('the check before a scenario', () => {
  it('refuses what the backend would not answer', async () => {
    const port = await portOf(createServer((_, response) => response.end(RESPONSE_BODY)));
    await checkAnswer(scenario('get'), port);
    await checkAnswer(scenario('post'), port);
    await expect(checkAnswer(scenario('10k'), port)).rejects.toThrow('answered 200 with 128 bytes');
  });
});

describe('handshakes', () => {
  const options = async (server: Server): Promise<HandshakeOptions> => ({
    port: await portOf(server),
    host: ECDSA_HOST,
    keyType: 'ec',
    request: requestText(scenario('ecdsa-full')),
    resumed: false,
    connections: 2,
    seconds: 0.3,
  });
  const { cert, key } = makeCertificate({ names: [ECDSA_HOST] });
  const serve = (): Server => createSecureServer({ cert, key }, (_, response) => response.end(RESPONSE_BODY));

  it('are full, or resumed after the first of each connection', async () => {
    const given = await options(serve());
    const full = (await runClient('handshakes.ts', given, group())) as LoadResult;
    expect(full).toMatchObject({ resumed: 0, errors: 0 });
    expect(full.requests).toBeGreaterThanOrEqual(2);
    const seconds = 1;
    const again = (await runClient('handshakes.ts', { ...given, resumed: true, seconds }, group())) as LoadResult;
    expect(again).toMatchObject({ resumed: again.requests - 2, errors: 0 });
  });

  it('do not count with another certificate', async () => {
    const given = { ...(await options(serve())), keyType: 'rsa' };
    const result = (await runClient('handshakes.ts', given, group())) as LoadResult;
    expect(result.requests).toBe(0);
    expect(result.errors).toBeGreaterThan(0);
  });
});

describe('WebSocket load', () => {
  it('is echoed by the backend', async () => {
    const port = await freePort();
    const script = new URL('../targets/echo-backend.ts', import.meta.url).pathname;
    const processes = group();
    await processes.start('echo', 0, [process.execPath, script, String(port)], [port]);
    const options: WebSocketOptions = { port, host: 'any', connections: 3, seconds: 0.2 };
    const result = (await runClient('websocket.ts', options, processes)) as LoadResult;
    expect(result.errors).toBe(0);
    expect(result.requests).toBeGreaterThanOrEqual(3);
  });
});

describe('the open loop', () => {
  it('goes on sending while nothing is answered, and then makes up for it', async () => {
    const held: Socket[] = [];
    let seen = 0;
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx`;
    const port = await portOf(
      createRawServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', () => {
          seen++;
          // The first of each connection comes before the measurement; then nothing is answered until all connections wait.
          if (seen <= 10 || held.length === 10) socket.write(answer);
          else if (held.push(socket) === 10) for (const each of held) each.write(answer);
        });
      }),
    );
    const options: RateOptions = { port, request: requestText(scenario('get')), rate: 200, connections: 10, seconds: 0.5 };
    const result = (await runClient('constant-rate.ts', options, group())) as RateResult;
    expect(result).toMatchObject({ requests: 100, errors: 0 });
  });
});

describe('the load on idle connections', () => {
  it('says when all are there, and fails when one is closed', async () => {
    const sockets: Socket[] = [];
    const server = createServer((_, response) => response.end(RESPONSE_BODY));
    server.on('connection', (socket: Socket) => sockets.push(socket));
    const options = { port: await portOf(server), request: requestText(scenario('get')), connections: 150 };
    const script = new URL('idle.ts', import.meta.url).pathname;
    const client = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
    closers.push(() => client.kill('SIGKILL'));
    const [output] = (await once(client.stdout, 'data')) as [Buffer];
    expect(output.toString()).toBe('READY\n');
    expect(sockets).toHaveLength(150);
    const exit = once(client, 'exit');
    sockets[0]?.destroy();
    expect(await exit).not.toEqual([0, null]);
  });
});
