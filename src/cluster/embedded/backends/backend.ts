/** The small HTTP server behind one Pod of the embedded cluster. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, answerPlain, createIdentity, describeRequest, hasBody } from './answer.ts';
import type { Identity } from './answer.ts';
import { behaviourOfRequest } from './behaviour.ts';
import type { Behaviour } from './behaviour.ts';
import { WebSocketEcho, websocketAccept } from './websocket.ts';

/** Who the backend is and where it listens. Port 0 takes any free port. */
interface BackendOptions {
  readonly pod: string;
  readonly namespace: string;
  readonly address: string;
  readonly ports: readonly number[];
  readonly behaviour?: Behaviour;
}

/** How a backend ends: it serves for `drainDelayMs` more, then finishes what is in flight, for `graceMs` in all at the longest. */
interface TerminateOptions {
  readonly drainDelayMs: number;
  readonly graceMs: number;
  /** Called right before it stops accepting connections. */
  readonly onStopAccepting?: () => void;
}

const EMPTY: Behaviour = {};
const SWEEP_MS = 20;

function isUpgrade(request: IncomingMessage): boolean {
  const protocol = request.headers.upgrade?.toLowerCase();
  return protocol === 'echo' || (protocol === 'websocket' && request.headers['sec-websocket-key'] !== undefined);
}

function createHttpServer(): Server {
  return createServer({
    // As nginx: a client of this server should be the one who closes an idle connection.
    keepAliveTimeout: 75_000,
    requestTimeout: 0,
    maxHeaderSize: 128 * 1024,
    noDelay: true,
    shouldUpgradeCallback: isUpgrade,
  });
}

function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Answers every request with JSON that describes it, on every port of the Pod; echoes on a WebSocket, and byte by byte after
 * `Upgrade: echo`. Requests and annotations can ask for something else: see behaviour.ts.
 */
export class Backend {
  readonly address: string;
  readonly #options: BackendOptions;
  readonly #ports: number[] = [];
  readonly #servers: Server[] = [];
  readonly #upgraded = new Map<Duplex, WebSocketEcho | undefined>();
  readonly #ended = new AbortController();
  #behaviour = EMPTY;
  #terminating = false;
  #requests = 0;

  private constructor(options: BackendOptions, servers: readonly Server[], ports: readonly number[]) {
    this.address = options.address;
    this.#options = options;
    this.setBehaviour(options.behaviour ?? EMPTY);
    servers.forEach((server, index) => this.#add(server, ports[index] ?? 0));
  }

  #add(server: Server, port: number): void {
    const { pod, namespace, address } = this.#options;
    const identity = createIdentity(pod, namespace, address, port);
    this.#servers.push(server);
    this.#ports.push(port);
    server.on('request', (request, response) => this.#serve(identity, request, response));
    server.on('checkContinue', (request, response) => this.#serve(identity, request, response, true));
    server.on('upgrade', (request: IncomingMessage, socket, head) => this.#upgrade(identity, request, socket, head));
  }

  /** Listens on all ports, or rejects with the error of the first that cannot be had, holding none. */
  static async start(options: BackendOptions): Promise<Backend> {
    const servers: Server[] = [];
    const ports: number[] = [];
    try {
      for (const port of options.ports) {
        const server = createHttpServer();
        servers.push(server);
        ports.push(await listen(server, options.address, port));
      }
      return new Backend(options, servers, ports);
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
  }

  /** The ports it listens on, in the order asked for. */
  get ports(): readonly number[] {
    return this.#ports;
  }

  /** Listens on one more port. Rejects when it cannot be had; does nothing once it is terminating. */
  async listen(port: number): Promise<void> {
    const server = createHttpServer();
    await listen(server, this.address, port);
    if (this.#terminating) server.close();
    else this.#add(server, port);
  }

  /** How many requests it has received, upgrades included. */
  get requests(): number {
    return this.#requests;
  }

  /** Replaces what it does by default. Requests under way go on as they are. */
  setBehaviour(behaviour: Behaviour): void {
    this.#behaviour = Object.keys(behaviour).length === 0 ? EMPTY : behaviour;
  }

  /**
   * Ends as a Pod that handles SIGTERM well. From now on each answer says `Connection: close`. New connections are accepted for
   * the drain delay, so that whoever balances over this Pod can learn that it goes; then idle connections are closed and what
   * is in flight is finished. What is left when the grace is over is cut off. Resolves when nothing is open.
   */
  async terminate(options: TerminateOptions): Promise<void> {
    this.#terminating = true;
    const signal = this.#ended.signal;
    const deadline = new AbortController();
    const grace = sleep(options.graceMs, undefined, { signal: AbortSignal.any([signal, deadline.signal]) }).then(
      () => this.kill(),
      () => {},
    );
    await sleep(Math.min(options.drainDelayMs, options.graceMs), undefined, { signal }).catch(() => {});
    options.onStopAccepting?.();
    const closed = this.#close();
    for (const echo of this.#upgraded.values()) echo?.goAway();
    // Answers whose head was written before the end began leave their connections idle when they are done.
    const sweep = setInterval(() => {
      for (const server of this.#servers) server.closeIdleConnections();
    }, SWEEP_MS);
    await closed;
    clearInterval(sweep);
    deadline.abort();
    await grace;
  }

  /** Ends at once: every connection is cut off. Resolves when nothing is open. */
  async kill(): Promise<void> {
    this.#terminating = true;
    this.#ended.abort();
    const closed = this.#close();
    for (const socket of this.#upgraded.keys()) socket.destroy();
    for (const server of this.#servers) server.closeAllConnections();
    await closed;
  }

  async #close(): Promise<void> {
    // A second close only fails with ERR_SERVER_NOT_RUNNING, after the first has its way.
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            if (server.listening) server.close(() => resolve());
            else server.getConnections((_, count) => (count === 0 ? resolve() : server.once('close', () => resolve())));
          }),
      ),
    );
  }

  #serve(identity: Identity, request: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    this.#requests += 1;
    const { behaviour, errors } = behaviourOfRequest(this.#behaviour, request.url ?? '/', request.rawHeaders);
    if (errors.length > 0) {
      response.writeHead(400, { 'Content-Type': 'application/json', Connection: 'close' });
      response.end(`${JSON.stringify({ pod: identity.pod, error: `cannot understand ${errors.join(', ')}` })}\n`);
      return;
    }
    if (behaviour === EMPTY && !hasBody(request)) {
      answerPlain(identity, request, response, this.#terminating);
      return;
    }
    let asked = behaviour;
    if (expectsContinue) {
      if ((behaviour.status ?? 200) >= 400) asked = { ...behaviour, early: true, close: true };
      else response.writeContinue();
    }
    answer(identity, request, response, asked, () => this.#terminating).catch((error: unknown) => {
      // The client went away; anything else is a bug here, which must not look like an answer.
      response.destroy(error instanceof Error ? error : undefined);
    });
  }

  #upgrade(identity: Identity, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#requests += 1;
    socket.on('error', () => socket.destroy());
    const { behaviour } = behaviourOfRequest(this.#behaviour, request.url ?? '/', request.rawHeaders);
    if ((behaviour.status ?? 101) !== 101) {
      const body = describeRequest(identity, request, { length: 0 });
      const length = Buffer.byteLength(body);
      socket.end(
        `HTTP/1.1 ${behaviour.status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
      );
      return;
    }
    this.#upgraded.set(socket, undefined);
    socket.once('close', () => this.#upgraded.delete(socket));
    const open = (): void => {
      if (behaviour.reset && 'resetAndDestroy' in socket) {
        (socket as Socket).resetAndDestroy();
        return;
      }
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `X-Pod: ${identity.pod}`];
      const key = request.headers['sec-websocket-key'];
      if (request.headers.upgrade?.toLowerCase() === 'websocket' && key !== undefined) {
        lines.push('Upgrade: websocket', `Sec-WebSocket-Accept: ${websocketAccept(key)}`);
        // The first protocol offered, as an echo speaks them all.
        const protocol = request.headers['sec-websocket-protocol']?.split(',')[0]?.trim();
        if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
        this.#upgraded.set(socket, new WebSocketEcho(socket, head));
        return;
      }
      lines.push('Upgrade: echo');
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      socket.write(head);
      socket.pipe(socket);
    };
    if (behaviour.delayMs) {
      sleep(behaviour.delayMs, undefined, { signal: this.#ended.signal }).then(open, () => socket.destroy());
    } else open();
  }
}
