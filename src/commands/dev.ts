/** `sluice dev`: a small cluster in this process, manifests applied to it, and the controller over the same HTTP as in production. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { EmbeddedCluster } from '../cluster/embedded/embedded.ts';
import type { BoundPorts } from '../proxy/data-plane.ts';
import { freePort } from '../proxy/listener/bind.ts';
import { createLogger, type Logger } from '../observe/log.ts';
import { versionText } from '../settings/help.ts';
import type { Settings } from '../settings/settings.ts';
import type { RunCommand } from './run-command.ts';
import { type DevArguments, devHelp, readDevArguments } from './dev-arguments.ts';
import { addressLines, curlLines } from './dev-lines.ts';
import { requireFreePorts } from './ports.ts';
import { exitOnBugs, stopSignal } from './process-life.ts';
import type { Serving } from './serve.ts';

/** Ctrl-C is meant now: what is in flight then has so long. Milliseconds. */
const SHUTDOWN_MS = 1000;

/** Resolves with 0 after Ctrl-C, leaving nothing behind. */
export const run: RunCommand = async (argv, env) => {
  const args = readDevArguments(argv, env);
  if (args.kind !== 'run') {
    process.stdout.write(args.kind === 'help' ? devHelp() : `${versionText()}\n`);
    return 0;
  }
  const log = createLogger(args.settings.controller.logLevel);
  exitOnBugs(process, log);
  const stopped = stopSignal(process, log);
  const { proxy, controller } = args.settings;
  await requireFreePorts([
    { flag: 'http-port', port: proxy.httpPort, address: proxy.bindAddress },
    { flag: 'https-port', port: proxy.httpsPort, address: proxy.bindAddress },
    { flag: 'admin-port', port: controller.adminPort, address: controller.adminAddress },
    { flag: 'api-port', port: args.apiPort, address: '127.0.0.1' },
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-dev-'));
  try {
    await develop(args, folder, log, stopped);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

async function develop(args: DevArguments, folder: string, log: Logger, stopped: Promise<unknown>): Promise<void> {
  // They take their time to load; a mistake in the command line is answered without them.
  const { startEmbeddedCluster } = await import('../cluster/embedded/embedded.ts');
  const { followManifests } = await import('./dev-manifests.ts');
  const { serve, rejectionOf } = await import('./serve.ts');
  const cluster = await startEmbeddedCluster({ apiPort: args.apiPort });
  const manifests = followManifests(cluster, args.paths, (line) => process.stderr.write(`${line}\n`));
  let serving: Serving | null = null;
  try {
    await manifests.ready;
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
    serving = await serve(await settingsFor(args, cluster, kubeconfig), log);
    const ports = await Promise.race([serving.listening, stopped.then(() => null)]);
    if (ports !== null) {
      print(serving, ports, cluster, kubeconfig);
      await Promise.race([stopped, rejectionOf(serving.listening)]);
    }
  } finally {
    await manifests.close();
    await serving?.stop(SHUTDOWN_MS);
    await cluster.close();
  }
}

/**
 * The controller as it would run in that cluster: by its kubeconfig, publishing the address of its Service. Its ports are chosen
 * here, because redirects must name them: nothing in front of it maps the usual ones to them.
 */
async function settingsFor(args: DevArguments, cluster: EmbeddedCluster, kubeconfig: string): Promise<Settings> {
  const { settings } = args;
  const { bindAddress, httpPort, httpsPort, publicHttpPort, publicHttpsPort } = settings.proxy;
  const http = httpPort || (await freePort(bindAddress));
  const https = httpsPort || (await freePort(bindAddress));
  const proxy = {
    ...settings.proxy,
    httpPort: http,
    httpsPort: https,
    publicHttpPort: publicHttpPort || http,
    publicHttpsPort: publicHttpsPort || https,
  };
  const publishService = args.publishes ? settings.controller.publishService : ownService(cluster);
  return { ...settings, proxy, controller: { ...settings.controller, kubeconfig, publishService } };
}

/** The Service that a chart would have made for Sluice itself. */
function ownService(cluster: EmbeddedCluster): { readonly namespace: string; readonly name: string } | null {
  for (const { metadata, spec } of cluster.storage.resource('v1', 'services').list()) {
    const type = typeof spec === 'object' && spec !== null && 'type' in spec ? spec.type : undefined;
    if (type === 'LoadBalancer' && metadata.labels?.['app.kubernetes.io/name'] === 'sluice') {
      return { namespace: metadata.namespace ?? 'default', name: metadata.name };
    }
  }
  return null;
}

function print(serving: Serving, ports: BoundPorts, cluster: EmbeddedCluster, kubeconfig: string): void {
  const api = Number(new URL(cluster.url).port);
  const table = serving.table();
  const curls = table === null ? [] : curlLines(table, ports);
  const lines = [
    `sluice ${versionText()} is ready`,
    '',
    ...addressLines({ ...ports, admin: serving.adminPort, api, kubeconfig }),
    '',
    ...(curls.length === 0 ? ['No Ingress yet: apply one with kubectl.'] : curls),
    '',
    'Ctrl-C ends it.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
