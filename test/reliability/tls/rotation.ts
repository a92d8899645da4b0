/** B4, for any number of certificates: all of them are replaced at once while clients connect. */
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { vi } from 'vitest';
import type { Certificate } from '../../../src/model/table.ts';
import { certificate, host, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { handshake } from '../../support/tls-client.ts';

const nameOf = (index: number): string => `h${index}.example`;

/** The certificate of the host `index`, of this generation. */
function generation(index: number, number: number): Certificate {
  return certificate(`tls-${index}`, [nameOf(index), `generation-${number}.example`]);
}

/** What came of it. */
export interface Rotation {
  readonly proxy: TestProxy;
  /** One line for each handshake that failed or was given a certificate of nobody, or of another host. */
  readonly failures: readonly string[];
  readonly handshakes: number;
  /** Hosts that were not served with the last generation once it was applied. */
  readonly stale: readonly string[];
  /** TLS contexts that were made while a patch was applied. */
  readonly madeInApply: number;
  /** Of all TLS contexts that were made with a certificate, how many the collector cannot take. */
  readonly contexts: () => number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * `hosts` hosts with a certificate each, `clients` that connect to one after the other without a pause, and meanwhile every
 * certificate replaced `times` times, all in one patch, each time when as many handshakes are done as there are hosts.
 */
export async function rotate(hosts: number, times: number, clients: number): Promise<Rotation> {
  const made: WeakRef<tls.SecureContext>[] = [];
  const create = tls.createSecureContext.bind(tls);
  const spy = vi.spyOn(tls, 'createSecureContext').mockImplementation((options) => {
    const context = create(options);
    if (options?.cert !== undefined) made.push(new WeakRef(context));
    return context;
  });
  let madeInApply = 0;
  const all = (number: number): Certificate[] => Array.from({ length: hosts }, (_, index) => generation(index, number));
  const first = all(0);
  const virtual = first.map(({ id }, index) => host(nameOf(index), [], id));
  const proxy = await startProxy(table(virtual, [], { certificates: first }));
  const failures: string[] = [];
  let handshakes = 0;
  let applied = 0;
  let running = true;
  const visit = async (index: number): Promise<void> => {
    const oldest = applied;
    try {
      const { names } = await handshake(proxy.httpsPort, nameOf(index));
      handshakes++;
      const [, own, number] = /^DNS:(\S+), DNS:generation-(\d+)\.example$/u.exec(names) ?? [];
      if (own !== nameOf(index) || Number(number) < oldest) failures.push(`${nameOf(index)}: ${names}, not before ${oldest}`);
    } catch (error) {
      failures.push(`${nameOf(index)}: ${String(error)}`);
    }
  };
  const visitors = Array.from({ length: clients }, async (_, client) => {
    for (let turn = client; running; turn += clients) await visit(turn % hosts);
  });
  for (let number = 1; number <= times; number++) {
    const next = all(number);
    const before = handshakes;
    while (handshakes < before + hosts) await new Promise((resolve) => setImmediate(resolve));
    const contexts = made.length;
    proxy.runtime.apply({ ...table([], []), reset: false, hosts: [], certificates: next });
    madeInApply += made.length - contexts;
    applied = number;
  }
  running = false;
  await Promise.all(visitors);
  const stale: string[] = [];
  for (let index = 0; index < hosts; index += Math.ceil(hosts / 50)) {
    const { names } = await handshake(proxy.httpsPort, nameOf(index));
    if (!names.endsWith(`generation-${times}.example`)) stale.push(`${nameOf(index)}: ${names}`);
  }
  spy.mockRestore();
  const contexts = (): number => {
    collect();
    return made.filter((one) => one.deref() !== undefined).length;
  };
  return { proxy, failures, handshakes, stale, madeInApply, contexts };
}
