/** Starts proxies as the scenarios need them, and keeps them. */
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyType, makeCertificate } from '../support/pki.ts';
import { freePort } from '../support/ports.ts';
import type { ProcessGroup, Running } from './processes.ts';
import { BENCH_HOST, ECDSA_HOST, WEBSOCKET_HOST } from './scenarios.ts';
import { startBackends } from './targets/backend.ts';
import type { CertificateFiles, Target, TargetSetup } from './targets/target.ts';

/** How a proxy is to be configured. */
export interface Variant {
  readonly log: boolean;
  readonly routes: number;
}

/** Nothing but the three hosts. */
export const PLAIN: Variant = { log: false, routes: 0 };

/** A proxy that runs. */
export interface Instance {
  readonly target: Target;
  readonly running: Running;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Throws unless about so many requests are in the access log, if there is one; then empties it, as it is in memory. */
  readonly checkLog: (requests: number) => void;
}

type Everywhere = Omit<TargetSetup, 'httpPort' | 'httpsPort' | 'routes' | 'accessLog'>;

/** All proxies of a run, against the same backends. */
export class Instances {
  readonly #everywhere: Everywhere;
  readonly #kept = new Map<string, Instance>();

  private constructor(everywhere: Everywhere) {
    this.#everywhere = everywhere;
  }

  /** Starts the backends. */
  static async start(processes: ProcessGroup): Promise<Instances> {
    return new Instances({
      processes,
      ...(await startBackends(processes)),
      rsa: certificateFiles(processes, 'rsa', [BENCH_HOST, WEBSOCKET_HOST, 'localhost']),
      ecdsa: certificateFiles(processes, 'ec', [ECDSA_HOST]),
    });
  }

  /** The instance of a proxy in a variant, which is started once and stays until the end of the run. */
  async get(target: Target, variant: Variant): Promise<Instance> {
    const key = JSON.stringify([target.name, variant.log, variant.routes]);
    const instance = this.#kept.get(key) ?? (await this.fresh(target, variant));
    this.#kept.set(key, instance);
    return instance;
  }

  /** Another instance, which the caller stops. `start`: how, if not as the target says. */
  async fresh(target: Target, { log, routes }: Variant, start = target.start): Promise<Instance> {
    const { processes } = this.#everywhere;
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const accessLog = log ? join(processes.logDirectory, `${target.name}-${httpPort}.log`) : null;
    const running = await start({ ...this.#everywhere, httpPort, httpsPort, routes, accessLog });
    const checkLog = (requests: number): void => {
      if (accessLog === null) return;
      // A line has some 200 bytes; the last ones may not be written yet.
      const { size } = statSync(accessLog);
      if (size < requests * 50) throw new Error(`${target.name} logged ${size} bytes about ${requests} requests`);
      // It is appended to: what is written next begins at the start again.
      truncateSync(accessLog);
    };
    return { target, running, httpPort, httpsPort, checkLog };
  }
}

function certificateFiles(processes: ProcessGroup, keyType: KeyType, names: readonly string[]): CertificateFiles {
  const { cert, key } = makeCertificate({ names, keyType });
  const file = (extension: string, content: string): string => {
    const path = join(processes.directory, `${keyType}.${extension}`);
    writeFileSync(path, content);
    return path;
  };
  return { certificate: file('crt', cert), key: file('key', key), bundle: file('pem', `${cert}\n${key}`) };
}
