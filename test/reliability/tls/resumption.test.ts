/**
 * B7: resumption over workers. A session that only the worker which made it can resume costs a full handshake, ten times the CPU
 * time, on every other one; a ticket whose key lives for ever opens every recorded TLS 1.2 connection to who once gets the key
 * (RFC 5077 section 5.5, RFC 8446 appendix E.6). Node makes up a key per worker, and another with every new default certificate.
 */
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { CATCH_ALL_HOST, type Certificate } from '../../../src/model/table.ts';
import { ACCEPTED } from '../../../src/observe/series.ts';
import type { DataPlane } from '../../../src/proxy/data-plane.ts';
import { startDataPlane } from '../../../src/proxy/supervisor.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { certificate, host, NOT_FOUND_HOST, proxySettings, table } from '../../support/proxy.ts';
import { handshake } from '../../support/tls-client.ts';
import { seriesReader } from '../../support/series.ts';

const WORKERS = 2;
const HANDSHAKES = 20;
const HOUR = 3_600_000;
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const DEFAULT = certificate('default', ['ingress.local']);
const OWN = certificate('own', ['app.example']);

const planes: DataPlane[] = [];

afterEach(async () => {
  for (const plane of planes.splice(0)) await plane.shutdown(0);
});

/** A data plane with one host, and its clock in hand. */
class Scene {
  now = 0;
  readonly series = seriesReader({ controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' }, true);
  readonly threads: Worker[] = [];
  readonly plane: DataPlane;
  port = 0;

  constructor() {
    const ignore = (): void => undefined;
    this.plane = startDataPlane(proxySettings(), {
      workers: WORKERS,
      log: { error: ignore, warn: ignore, info: ignore, debug: ignore },
      series: this.series,
      clock: () => this.now,
      startThread: (file, options) => {
        const thread = new Worker(file, options);
        this.threads.push(thread);
        return thread;
      },
    });
    planes.push(this.plane);
  }

  static async start(): Promise<Scene> {
    const scene = new Scene();
    await scene.publish(DEFAULT);
    scene.port = (await scene.plane.listening).https;
    return scene;
  }

  /** Publishes the table with this default certificate. */
  async publish(defaultCertificate: Certificate): Promise<void> {
    const app = host('app.example', [], OWN.id);
    const patch = { ...table([app], [], { certificates: [OWN], defaultCertificate }), reset: false };
    this.plane.publish(
      {
        hosts: new Map([
          ['app.example', app],
          [CATCH_ALL_HOST, NOT_FOUND_HOST],
        ]),
        groups: new Map(),
        certificates: new Map([[OWN.id, OWN]]),
        streams: new Map(),
        upstreamSecrets: new Map(),
        defaultCertificate,
      },
      patch,
    );
    await this.plane.applied(patch.version);
  }

  configure(changes: Partial<ProxySettings>): void {
    this.plane.configure(proxySettings(changes));
  }

  /** How many of the handshakes were resumed. Resolves once every worker had its share of them. */
  async resumed(session: Buffer, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<{ resumed: number; made: number }> {
    const before = this.#accepted();
    let resumed = 0;
    let made = 0;
    const all = (): boolean => this.#accepted().every((count, worker) => count > (before[worker] ?? 0));
    while (made < HANDSHAKES || !all()) {
      made++;
      if ((await handshake(this.port, 'app.example', { session, maxVersion })).resumed) resumed++;
    }
    return { resumed, made };
  }

  #accepted(): number[] {
    return this.threads.slice(-WORKERS).map((_, index) => {
      const id = this.threads.length - WORKERS + index;
      return this.series.counterOf(id, ACCEPTED) ?? 0;
    });
  }
}

const newSession = async (scene: Scene, maxVersion: 'TLSv1.2' | 'TLSv1.3', servername = 'app.example'): Promise<Buffer> => {
  const first = await handshake(scene.port, servername, { maxVersion });
  expect(first.resumed).toBe(false);
  return first.session;
};

describe('B7: a session', () => {
  it.each(VERSIONS)(
    'of %s is resumed on every worker, after a new default certificate and a new worker too',
    async (version) => {
      const scene = await Scene.start();
      const session = await newSession(scene, version);
      const before = await scene.resumed(session, version);
      expect(before.resumed).toBe(before.made);

      await scene.publish(certificate('default', ['ingress.local', 'renewed.local']));
      const rotated = await scene.resumed(session, version);
      expect(rotated.resumed).toBe(rotated.made);

      await scene.threads[0]!.terminate();
      await eventually(() => scene.threads.length > WORKERS && scene.plane.workers().every(({ state }) => state === 'ready'));
      for (let i = 0; i < HANDSHAKES; i++)
        expect((await handshake(scene.port, 'app.example', { session, maxVersion: version })).resumed).toBe(true);
    },
  );

  it.each(VERSIONS)('of %s ends with the keys, which are replaced every hour; the next is resumed again', async (version) => {
    const scene = await Scene.start();
    const session = await newSession(scene, version);
    scene.now = HOUR - 1;
    expect((await handshake(scene.port, 'app.example', { session, maxVersion: version })).resumed).toBe(true);
    scene.now = HOUR;
    await eventually(async () => (await scene.resumed(session, version)).resumed === 0);
    const next = await newSession(scene, version);
    const after = await scene.resumed(next, version);
    expect(after.resumed).toBe(after.made);
  });

  it.each(VERSIONS)('of %s ends after ssl-session-timeout', async (version) => {
    const scene = await Scene.start();
    scene.configure({ tlsSessionTimeout: 1_000 });
    await eventually(async () => {
      const session = await newSession(scene, version);
      await eventually(
        async () => !(await handshake(scene.port, 'app.example', { session, maxVersion: version })).resumed,
        4_000,
      );
      return true;
    });
  });

  it.each(VERSIONS)('of %s is not resumed where both ssl-session-cache and ssl-session-tickets are off', async (version) => {
    const scene = await Scene.start();
    const session = await newSession(scene, version);
    scene.configure({ tlsSessionCache: false });
    await eventually(async () => (await scene.resumed(session, version)).resumed === 0);
    const none = await scene.resumed(await newSession(scene, version), version);
    expect(none.resumed).toBe(0);
    scene.configure({ tlsSessionCache: false, tlsSessionTickets: true });
    await eventually(async () => {
      const again = await handshake(scene.port, 'app.example', { maxVersion: version });
      const { resumed, made } = await scene.resumed(again.session, version);
      return resumed === made;
    });
  });
});
