/** Steady load over keep-alive connections that notes every request that was not answered with 200. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from './raw-client.ts';

export interface LoadOptions {
  /** Asked for each connection, as of a load balancer. */
  readonly port: number | (() => number);
  readonly host: string;
  readonly connections: number;
  /** Milliseconds from an answer to the next request of a connection; at once when it is left out. */
  readonly interval?: number;
}

export class Load {
  answered = 0;
  /** Answers after which the server closed the connection. */
  closed = 0;
  /** What went wrong, one line a request. */
  readonly failures: string[] = [];
  readonly #options: LoadOptions;
  readonly #running: Promise<void>[];
  #stopping = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.connections }, () => this.#run());
  }

  /** Ends the load after the requests in flight. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    const { port, host, interval } = this.#options;
    let client: RawClient | null = null;
    while (!this.#stopping) {
      if (interval !== undefined) await sleep(interval);
      try {
        client ??= await RawClient.connect(typeof port === 'number' ? port : port());
        const { status, headers } = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        if (status === 200) this.answered++;
        else this.failures.push(`status ${status}`);
        // Told to close: the next request goes on a new connection, as any client does.
        if (headers.get('connection')?.[0] !== 'close') continue;
        this.closed++;
      } catch (error) {
        this.failures.push(String(error));
      }
      client?.close();
      client = null;
    }
    client?.close();
  }
}
