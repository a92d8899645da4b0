/**
 * The clients of the churn tests, and two of the backends, on a thread of their own: what they measure is not what the cluster
 * and its other backends cost. Every request says who it is, and every answer must say it back.
 */
import { createHash } from 'node:crypto';
import type { ClientRequestArgs } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { WebSocket, type ClientOptions } from 'ws';
import { Backend } from '../../../src/cluster/embedded/backends/backend.ts';
import { RawClient, type RawResponse } from '../../support/raw-client.ts';
import { DEFAULT_NAME, PASSING_PATHS, type FromLoad, type LoadReport, type ToLoad } from './load-messages.ts';

const port = parentPort;
if (port === null) throw new Error('load-thread.ts runs in a worker thread');
const { ca } = workerData as { readonly ca: string };
const send = (message: FromLoad): void => port.postMessage(message);

/** Milliseconds between an answer and the next request of a connection, or between two messages of a WebSocket. */
const INTERVAL = 20;
/** Requests of a TLS connection before the next handshake: certificates change all the time. */
const REQUESTS_PER_TLS = 10;
/** A message of a WebSocket that is not back after so long is lost. */
const ECHO_MS = 5_000;

const backends = [await startBackend('steady-0'), await startBackend('steady-1')];
let stopping = false;
let nonces = 0;
let report = freshReport();
const running: Promise<void>[] = [];

function startBackend(pod: string): Promise<Backend> {
  return Backend.start({ pod, namespace: 'default', address: '127.0.0.1', ports: [0] });
}

function freshReport(): LoadReport {
  return { answered: {}, failures: [], latencies: [], goneAway: 0, messages: 0, certificates: [] };
}

/** What is wrong with an answer; empty when it is the one to this request. */
function problemOf({ status, body }: RawResponse, path: string, host: string, sent: string): string {
  if (status !== 200) return `status ${status}`;
  const echo = JSON.parse(body) as { path: string; host: string; bodyLength: number; bodySha256?: string };
  if (echo.path !== path || echo.host !== host) return `the answer to ${echo.host}${echo.path}`;
  if (sent !== '' && echo.bodySha256 !== createHash('sha256').update(sent).digest('hex')) return 'another body arrived';
  return '';
}

interface RequestOptions {
  /** The port, of plain HTTP or of TLS. */
  readonly http?: number;
  readonly tls?: number;
  /** SNI; the host unless given, and none when it is empty. */
  readonly serverName?: string;
  readonly method?: 'POST';
  /** The first segment of the path; the kind unless given. */
  readonly under?: (nonce: number) => string;
  /** Whether latencies are noted. */
  readonly timed?: true;
}

/** Requests on one connection after the other, each kept until somebody closes it or it had its requests. */
async function requests(kind: string, host: string, options: RequestOptions): Promise<void> {
  let client: RawClient | null = null;
  let left = 0;
  while (!stopping) {
    await sleep(INTERVAL);
    const nonce = nonces++;
    const path = options.under === undefined ? `/${kind}/${nonce}` : `/${options.under(nonce)}/${nonce}`;
    const body = options.method === 'POST' ? `body of ${path} `.repeat(20) : '';
    const length = body === '' ? '' : `X-Backend-Hash: 1\r\nContent-Length: ${body.length}\r\n`;
    const began = performance.now();
    try {
      if (client === null) {
        client =
          options.tls === undefined
            ? await RawClient.connect(options.http ?? 0)
            : await secure(options.tls, options.serverName ?? host);
        left = options.tls === undefined ? Number.POSITIVE_INFINITY : REQUESTS_PER_TLS;
      }
      const response = await client.request(
        `${options.method ?? 'GET'} ${path} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n${body}`,
      );
      const problem = problemOf(response, path, host, body);
      if (problem === '') report.answered[kind] = (report.answered[kind] ?? 0) + 1;
      else report.failures.push(`${kind} ${path}: ${problem}`);
      if (options.timed === true) report.latencies.push(performance.now() - began);
      left--;
      // Told to close: the next request goes on a new connection, as any client does.
      if (left > 0 && response.headers.get('connection')?.[0] !== 'close') continue;
    } catch (error) {
      report.failures.push(`${kind} ${path}: ${String(error)}`);
    }
    client?.close();
    client = null;
  }
  client?.close();
}

/** A connection whose certificate is of our CA, and of the name that was asked for; without one, of the default host. */
async function secure(tlsPort: number, servername: string): Promise<RawClient> {
  const wanted = servername === '' ? DEFAULT_NAME : servername;
  const client = await RawClient.connectTls(tlsPort, {
    servername,
    ca,
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(wanted, certificate),
  });
  const { serialNumber } = (client.socket as TLSSocket).getPeerCertificate();
  if (!report.certificates.includes(serialNumber)) report.certificates.push(serialNumber);
  return client;
}

/** A WebSocket that sends a message and waits for it to come back, until the end. A backend that goes away (1001) is left for another. */
async function webSocket(kind: string, host: string, url: string): Promise<void> {
  while (!stopping) {
    const options: ClientOptions & ClientRequestArgs & { servername: string } = {
      headers: { host },
      servername: host,
      ca,
      perMessageDeflate: false,
    };
    const socket = new WebSocket(url, options);
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    let failure = '';
    socket.on('error', (error) => (failure = String(error)));
    await Promise.race([new Promise((resolve) => socket.on('open', resolve)), closed]);
    while (!stopping && socket.readyState === WebSocket.OPEN) {
      const text = `${kind} ${nonces++}`;
      const echoed = new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));
      socket.send(text);
      const answer = await Promise.race([echoed, closed.then(() => null), sleep(ECHO_MS, 'nothing', { ref: false })]);
      if (answer === text) report.messages++;
      else if (answer !== null) report.failures.push(`${kind}: sent ${text}, got ${answer}`);
      if (answer !== text) break;
      await sleep(INTERVAL);
    }
    if (stopping) {
      socket.close();
      await closed;
      return;
    }
    socket.close();
    const code = await closed;
    if (code === 1001 && kind === 'ws-rolling') report.goneAway++;
    else report.failures.push(`${kind}: dropped with ${code} ${failure}`);
  }
}

function times(count: number, run: () => Promise<void>): void {
  for (let i = 0; i < count; i++) running.push(run());
}

port.on('message', (message: ToLoad) => {
  switch (message.type) {
    case 'start': {
      const { http, https } = message;
      times(8, () => requests('get', 'steady.test', { http, timed: true }));
      times(2, () => requests('post', 'steady.test', { http, method: 'POST' }));
      times(4, () => requests('rolling', 'rolling.test', { http }));
      times(1, () => requests('rolling-post', 'rolling.test', { http, method: 'POST' }));
      times(2, () => requests('routes', 'steady.test', { http, under: (nonce) => `passing-${nonce % PASSING_PATHS}` }));
      times(2, () => requests('tls', 'tls.test', { tls: https }));
      times(1, () => requests('no-sni', 'tls.test', { tls: https, serverName: '' }));
      times(4, () => webSocket('ws', 'steady.test', `ws://127.0.0.1:${http}/ws`));
      times(2, () => webSocket('wss', 'tls.test', `wss://127.0.0.1:${https}/ws`));
      times(4, () => webSocket('ws-rolling', 'rolling.test', `ws://127.0.0.1:${http}/ws`));
      return;
    }
    case 'report':
      send({ type: 'report', report });
      report = freshReport();
      return;
    case 'stop':
      stopping = true;
      void finish();
  }
});

/** Ends what is in flight, then the thread. */
async function finish(): Promise<void> {
  await Promise.all(running);
  await Promise.all(backends.map((backend) => backend.kill()));
  send({ type: 'report', report });
  port?.close();
}

send({ type: 'backends', ports: backends.map(({ ports: [own = 0] }) => own) });
