/**
 * The data plane in a process of its own, so that its memory and its open files are its own too. Started by `plane.ts`; says
 * what it is asked over the process channel.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startAdmin } from '../../src/admin/server.ts';
import type { RoutingTable } from '../../src/model/table.ts';
import type { Logger } from '../../src/observe/log.ts';
import { startDataPlane } from '../../src/proxy/supervisor.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { certificate, group, host, prefixRoute, proxySettings, startProxy, table } from './proxy.ts';
import { seriesReader } from './series.ts';

/** What the process is started with. */
export interface PlaneOptions {
  /** The ports of the endpoints of `app.example`. */
  readonly endpoints: readonly number[];
  readonly settings: Partial<ProxySettings>;
  /** 0: in the main thread, whose memory can be measured. Else so many worker threads, with the admin port. */
  readonly workers: number;
}

const options = JSON.parse(process.argv[2]!) as PlaneOptions;
const hosts = [host('app.example', [prefixRoute('/', 'app')])];
const groups = [group('app', options.endpoints)];

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Waits for freed buffers and sockets too: some go only with the second round. */
async function measure(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise(setImmediate);
  }
  return process.memoryUsage();
}

if (options.workers === 0) {
  const proxy = await startProxy(table(hosts, groups), options.settings);
  process.on('message', (question) => {
    if (question === 'memory') void measure().then((answer) => process.send!(answer));
    else process.send!({ ...proxy.runtime.census(), bugs: proxy.bugs.map(String) });
  });
  process.send!({ port: proxy.port, httpsPort: proxy.httpsPort, adminPort: 0 });
} else {
  const note = (fields: object, message: string): void => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const common = { controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' };
  const plane = startDataPlane(proxySettings(options.settings), {
    workers: options.workers,
    log,
    series: seriesReader(common, true),
  });
  const patch = table(hosts, groups, { defaultCertificate: certificate('default', ['ingress.local']) });
  const whole: RoutingTable = {
    hosts: new Map(patch.hosts.map((one) => [one.host, one])),
    groups: new Map(groups.map((one) => [one.id, one])),
    certificates: new Map(),
    streams: new Map(),
    upstreamSecrets: new Map(),
    defaultCertificate: patch.defaultCertificate!,
  };
  plane.publish(whole, patch);
  const admin = await startAdmin(
    { readiness: () => Promise.resolve([]), metrics: null, configuration: () => ({}) },
    { address: '127.0.0.1', port: 0, healthCheckPath: '/healthz', log },
  );
  const ports = await plane.listening;
  process.on('message', () => process.send!(plane.workers()));
  process.send!({ port: ports.http, httpsPort: ports.https, adminPort: admin.port });
}
