/** The data plane over real threads, as the controller has it: for tests of what happens to workers. */
import { Worker } from 'node:worker_threads';
import type { TablePatch, UpstreamGroup, VirtualHost } from '../../src/model/table.ts';
import type { Logger } from '../../src/observe/log.ts';
import type { SeriesReader } from '../../src/observe/series-reader.ts';
import type { DataPlane } from '../../src/proxy/data-plane.ts';
import { startDataPlane, type DataPlaneOptions } from '../../src/proxy/supervisor.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { certificate, proxySettings, table, wholeTable } from './proxy.ts';
import { seriesReader } from './series.ts';

const COMMON = { controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' };
const CERTIFICATE = certificate('default', ['ingress.local']);

/** One line of the log. */
export interface LogLine {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestPlane {
  readonly plane: DataPlane;
  readonly series: SeriesReader;
  readonly logged: readonly LogLine[];
  /** Every thread that was started, in order. */
  readonly threads: readonly Worker[];
  /** Publishes a whole table; returns its version. */
  readonly publish: (hosts: readonly VirtualHost[], groups: readonly UpstreamGroup[], extra?: Partial<TablePatch>) => number;
  /** The value of a metric of the workers, by the beginning of its line. */
  readonly metric: (line: string) => number;
}

interface PlaneOptions extends Partial<Pick<DataPlaneOptions, 'memory' | 'cpuTime' | 'startThread'>> {
  readonly workers: number;
  readonly settings?: Partial<ProxySettings>;
  /** Another worker than the real one. */
  readonly file?: URL;
}

/** Starts a data plane; the caller shuts it down. */
export function startPlane({ workers, settings, file, ...options }: PlaneOptions): TestPlane {
  const logged: LogLine[] = [];
  const note = (fields: LogLine['fields'], message: string): void => void logged.push({ message, fields });
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const series = seriesReader(COMMON, true);
  const threads: Worker[] = [];
  const start = options.startThread ?? ((real, threadOptions) => new Worker(file ?? real, threadOptions));
  // So few connections that the limit of open files has no say.
  const plane = startDataPlane(proxySettings({ maxConnections: 1000, ...settings }), {
    workers,
    log,
    series,
    ...options,
    startThread: (real, threadOptions) => {
      const thread = start(real, threadOptions);
      threads.push(thread);
      return thread;
    },
  });
  const publish: TestPlane['publish'] = (hosts, groups, extra = {}) => {
    const patch = table(hosts, groups, { defaultCertificate: CERTIFICATE, ...extra });
    plane.publish(wholeTable(patch), patch);
    return patch.version;
  };
  const metric = (line: string): number => {
    const found = series
      .text()
      .split('\n')
      .find((each) => each.startsWith(line));
    return Number(found?.split(' ').at(-1));
  };
  return { plane, series, logged, threads, publish, metric };
}
