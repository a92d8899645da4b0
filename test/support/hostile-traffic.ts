/** Hostile Ingresses in a running data plane: requests to the enemy's host and to the innocent's. */
import { isDeepStrictEqual } from 'node:util';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import type { Lookup } from '../../src/proxy/upstream/resolver.ts';
import { eventually } from './eventually.ts';
import { EVIL, evilObjects, GOOD, goodObjects, HOSTILE_SETTINGS, type HostileObjects, translateHostile } from './hostile.ts';
import { rawBackend, response, startProxy, table, type RawBackend, type TestProxy } from './proxy.ts';
import { RawClient } from './raw-client.ts';

/** What is asked of the enemy's host. */
const REQUESTS = [
  `GET / HTTP/1.1\r\nHost: ${EVIL}\r\n\r\n`,
  `GET /a/b?x=%0d%0a&y='"{} HTTP/1.1\r\nHost: ${EVIL}\r\nOrigin: https://x.example\r\nCookie: a=b; INGRESSCOOKIE=x\r\nAuthorization: Basic dTpw\r\n\r\n`,
  `POST /b/c HTTP/1.1\r\nHost: ${EVIL}\r\nContent-Length: 5\r\nX-Canary: always\r\n\r\nhello`,
  `OPTIONS / HTTP/1.1\r\nHost: ${EVIL}\r\nOrigin: null\r\nAccess-Control-Request-Method: PUT\r\n\r\n`,
];
/** The authority of a URL: nobody outside of this machine is asked for anything. */
const AUTHORITY = /(https?|ftp):\/\/[^/\s"']*/giu;

function onLoopback({ annotations, ...rest }: HostileObjects): HostileObjects {
  const inside = Object.entries(annotations).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.replaceAll(AUTHORITY, '$1://127.0.0.1:1') : value,
  ]);
  return { ...rest, annotations: Object.fromEntries(inside) as Record<string, unknown> };
}

/** A data plane and its backends, to which one table after another is published. */
export class HostileTraffic {
  readonly #good: RawBackend;
  readonly #evil: RawBackend;
  readonly #proxy: TestProxy;

  private constructor(good: RawBackend, evil: RawBackend, proxy: TestProxy) {
    this.#good = good;
    this.#evil = evil;
    this.#proxy = proxy;
  }

  static async start(): Promise<HostileTraffic> {
    const good = await rawBackend(() => response('good'));
    const evil = await rawBackend(() => response('evil', 'Set-Cookie: a=b; Path=/\r\nLocation: http://evil.example/x\r\n'));
    // Nobody outside is asked for a name.
    const lookup: Lookup = (_name, callback) => callback(Object.assign(new Error('no names here'), { code: 'ENOTFOUND' }), []);
    return new HostileTraffic(good, evil, await startProxy(table([], []), { upstreamConnectTimeout: 300 }, lookup));
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await Promise.all([this.#good.close(), this.#evil.close()]);
  }

  /** Publishes and asks; what is wrong, or null. */
  async judge(hostile: HostileObjects): Promise<string | null> {
    for (const settings of HOSTILE_SETTINGS) {
      const problem = await this.#judge(onLoopback(hostile), settings);
      if (problem !== null) return problem;
    }
    return null;
  }

  async #judge(hostile: HostileObjects, settings: TranslateSettings): Promise<string | null> {
    const objects = [...evilObjects(hostile, this.#evil.port), ...goodObjects(this.#good.port)];
    const { hosts, groups, certificates, upstreamSecrets } = translateHostile(objects, settings).table;
    this.#proxy.runtime.apply(
      table([], [], {
        hosts: [...hosts.values()],
        groups: [...groups.values()],
        certificates: [...certificates.values()],
        upstreamSecrets: [...upstreamSecrets.values()],
      }),
    );
    const before = this.#good.received.join('').length;
    const evil = await Promise.all(REQUESTS.map((request) => this.#ask(request)));
    const toGood = this.#good.received.join('').slice(before);
    if (toGood !== '') return `the backend of another host got a request: ${JSON.stringify(toGood.slice(0, 200))}`;
    const strange = evil.find((answer) => answer !== '' && !/^HTTP\/1\.1 \d{3} [\x20-\x7e]*\r\n/u.test(answer));
    if (strange !== undefined) return `no response: ${JSON.stringify(strange.slice(0, 200))}`;
    if (evil.some((answer) => /^X-Injected:/imu.test(answer))) return 'a field was injected';
    const good = await this.#ask(`GET /path HTTP/1.1\r\nHost: ${GOOD}\r\n\r\n`);
    if (!good.startsWith('HTTP/1.1 200 ') || !good.endsWith('\r\n\r\ngood'))
      return `another host is not served: ${JSON.stringify(good.slice(0, 200))}`;
    if (!isDeepStrictEqual([...this.#proxy.bugs], [])) return `a bug: ${this.#proxy.bugs.map(stackOf).join('; ')}`;
    return null;
  }

  /** The whole answer, or what came of it when the connection was closed instead. */
  async #ask(request: string): Promise<string> {
    const client = await RawClient.connect(this.#proxy.port);
    client.send(request);
    await eventually(() => client.ended || isWhole(client.buffer));
    client.close();
    return client.buffer;
  }
}

function stackOf(bug: unknown): string {
  return bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
}

/** A head, and the body that its length announces. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (/^transfer-encoding: chunked/imu.test(text.slice(0, end))) return text.endsWith('0\r\n\r\n');
  return text.length - end - 4 >= Number(/^content-length: (\d+)/imu.exec(text.slice(0, end))?.[1] ?? 0);
}
