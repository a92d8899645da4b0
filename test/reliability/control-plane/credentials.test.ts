/**
 * Threat: the right to read Secrets is taken away, or the token expires, and hosts lose their certificates or the controller
 * goes blind until it is restarted. Source: A9 and A10; bound service account tokens are rotated every hour.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, tlsSecret } from '../../support/manifests.ts';
import { makeCertificate } from '../../support/pki.ts';
import { Scene } from './scene.ts';

/** An API server that wants to see a token, in front of another that does not care. */
class Guard {
  token: string;
  refused = 0;
  readonly #server = createServer();

  constructor(token: string, behind: string) {
    this.token = token;
    this.#server.on('request', (message, response) => {
      if (message.headers.authorization !== `Bearer ${this.token}`) {
        this.refused++;
        const status = { kind: 'Status', apiVersion: 'v1', code: 401, reason: 'Unauthorized', message: 'Unauthorized' };
        response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(status));
        return;
      }
      const { method = 'GET', headers } = message;
      const passed = request(`${behind}${message.url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy()).on('close', () => answer.complete || response.destroy());
      });
      passed.on('error', () => response.destroy());
      response.on('close', () => passed.destroy());
      message.pipe(passed);
    });
  }

  async url(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function withTls(name: string): { readonly ingress: object; readonly url: string } {
  const host = `${name}.test`;
  return {
    ingress: ingress(name, `${host} Prefix / new`, { tls: [{ hosts: [host], secretName: name }] }),
    url: `https://${host}/`,
  };
}

describe.concurrent('credentials', { timeout: 60_000 }, () => {
  it('A9: without the right to read Secrets every host keeps its certificate, and it is said what is wrong', async () => {
    const first = makeCertificate({ names: ['kept.test'] });
    const second = makeCertificate({ names: ['kept.test'] });
    const own = withTls('kept');
    const objects = [tlsSecret('kept', first), own.ingress];
    await Scene.with({ objects }, async (scene) => {
      const { chain, cluster } = scene;
      const certificate = async (): Promise<string> =>
        new X509Certificate((await chain.get(own.url)).certificate ?? '').serialNumber;
      const serial = ({ cert }: { cert: string }): string => new X509Certificate(cert).serialNumber;
      expect(await certificate()).toBe(serial(first));

      const allow = cluster.faults.fail({ status: 403, match: { resource: 'secrets' } });
      cluster.faults.dropWatches('reset', { resource: 'secrets' });
      await eventually(async () => ((await scene.metric('sluice_watch_errors_total{kind="Secret",reason="403"}')) ?? 0) > 0);
      await eventually(() => chain.events('Pod', 'sluice-0').some(({ reason }) => reason === 'WatchDenied'));
      // Whatever else changes, also of this host.
      chain.apply(tlsSecret('kept', second), ingress('more', 'kept.test Prefix /more old'));
      await eventually(async () => (await chain.get('https://kept.test/more')).echo?.pod === 'old');
      await scene.change()();
      expect(await certificate()).toBe(serial(first));
      expect(await scene.metric('sluice_apiserver_connected')).toBe(1);

      allow();
      await eventually(async () => (await certificate()) === serial(second));
    });
  });

  it('A10: a token that is rotated late is read again when the old one is refused', async () => {
    const cluster = await startCluster();
    const guard = new Guard('first', cluster.url);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-token-'));
    const kubeconfig = join(folder, 'kubeconfig');
    const token = join(folder, 'token');
    writeFileSync(token, 'first\n');
    const name = 'guarded';
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: await guard.url() } }],
      users: [{ name, user: { tokenFile: 'token' } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    };
    writeFileSync(kubeconfig, stringify(config));
    try {
      await Scene.with({ cluster, flags: [`--kubeconfig=${kubeconfig}`] }, async (scene) => {
        await scene.change()();
        guard.token = 'second';
        cluster.faults.dropWatches('reset');
        await scene.connected(false);
        await scene.answered();
        const refused = (): number => guard.refused;
        await eventually(() => refused() >= 10);
        writeFileSync(token, 'second\n');
        await scene.change()();
        await scene.connected(true);
        // Once more, in the order in which it should be.
        writeFileSync(token, 'third\n');
        guard.token = 'third';
        cluster.faults.dropWatches('reset');
        await scene.change()();
      });
    } finally {
      guard.close();
      rmSync(folder, { recursive: true });
    }
  });
});
