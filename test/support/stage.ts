/** Everything a test of the data plane opens, closed again; and proof that the data plane then holds nothing any more. */
import assert from 'node:assert/strict';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from './eventually.ts';
import { group, host, prefixRoute, rawBackend, startProxy, table, type RawBackend, type TestProxy } from './proxy.ts';
import { RawClient } from './raw-client.ts';

const NOTHING = {
  connections: 0,
  streams: 0,
  deadlines: 0,
  upstreams: 0,
  idleUpstreams: 0,
  udpSessions: 0,
  compressions: 0,
  tempFiles: 0,
  tempBytes: 0,
};

export class Stage {
  readonly #open: { close: () => Promise<void> | void }[] = [];
  readonly #proxies: TestProxy[] = [];

  /** A backend that speaks bytes. */
  async backend(answer: Parameters<typeof rawBackend>[0], port = 0): Promise<RawBackend> {
    return this.opened(await rawBackend(answer, port));
  }

  /** Something else that is closed with the stage. */
  opened<T extends { readonly close: () => Promise<void> | void }>(one: T): T {
    this.#open.push(one);
    return one;
  }

  /** A proxy for `app.example` in front of backends on these ports. */
  async proxyTo(ports: readonly number[], settings: Partial<ProxySettings> = {}): Promise<TestProxy> {
    return this.watched(
      await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', ports)]), settings),
    );
  }

  /** A proxy made by hand, closed and looked into with the stage. */
  watched(proxy: TestProxy): TestProxy {
    this.#proxies.push(proxy);
    return proxy;
  }

  async client(port: number): Promise<RawClient> {
    return this.opened(await RawClient.connect(port));
  }

  async tlsClient(port: number): Promise<RawClient> {
    return this.opened(await RawClient.connectTls(port, { servername: 'app.example' }));
  }

  /** Closes clients and backends, and throws if the proxies then still hold a connection or a deadline, or met a bug. */
  async close(): Promise<void> {
    for (const one of this.#open.splice(0).toReversed()) await one.close();
    for (const proxy of this.#proxies.splice(0)) {
      try {
        await eventually(() => {
          assert.deepEqual(proxy.runtime.census(), NOTHING);
          return true;
        });
        assert.deepEqual(proxy.bugs, []);
      } finally {
        await proxy.close();
      }
    }
  }
}
