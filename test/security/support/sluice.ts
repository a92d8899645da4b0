/** Sluice as the subject of security cases. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { KNOWN_METHODS } from '../../fuzz/parsers/llhttp.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';
import { type Backend, securityBackend } from './backend.ts';
import type { Case, Subject } from './case.ts';
import { disagreement } from './readers.ts';

export interface SluiceSubject extends Subject {
  readonly proxy: TestProxy;
  /**
   * Closes everything, and throws unless all six oracles hold that can be judged at the end: nothing is held any more, no bug
   * was met, and every reader sees the same requests in what the backend got.
   */
  readonly close: () => Promise<void>;
}

export async function sluiceSubject(settings: Partial<ProxySettings> = {}): Promise<SluiceSubject> {
  const backend = await securityBackend();
  const routes = [prefixRoute('/', 'app')];
  const proxy = await startProxy(table([host('app.example', routes)], [group('app', [backend.port])]), settings);
  return {
    strict: true,
    backend,
    proxy,
    connect: () => RawClient.connect(proxy.port),
    alive: async () => {
      const { status } = await exchange(proxy.port, 'GET /alive HTTP/1.1\r\nHost: app.example\r\n\r\n');
      assert.equal(status, 200);
    },
    close: () => closeSubject(proxy, backend),
  };
}

async function closeSubject(proxy: TestProxy, backend: Backend): Promise<void> {
  try {
    // Upstream connections that are idle may stay; nothing else may.
    await eventually(() => {
      const { connections, deadlines, upstreams, idleUpstreams } = proxy.runtime.census();
      assert.deepEqual(
        { connections, deadlines, upstreams },
        { connections: 0, deadlines: idleUpstreams, upstreams: idleUpstreams },
      );
      return true;
    });
    assert.deepEqual(proxy.bugs, []);
    // The table without its backend closes the idle ones, and all their bytes have come when they are closed.
    proxy.runtime.apply(table([], []));
    await backend.abandoned();
    for (const { received } of backend.connections) {
      // What follows an upgrade is no HTTP/1.1.
      if (/\r\nupgrade:/i.test(received)) continue;
      assert.equal(disagreement(withKnownMethods(received, backend)), null);
    }
  } finally {
    await proxy.close();
    await backend.close();
  }
}

/** llhttp knows some methods only, nginx takes all: here they frame nothing, so any other may stand for them. */
function withKnownMethods(received: string, { requests }: Backend): string {
  let text = received;
  for (const { method, head } of requests)
    if (!KNOWN_METHODS.has(method)) text = text.replace(head, () => `POST${head.slice(method.length)}`);
  return text;
}

/** Runs cases against one Sluice, in turn; in the end nothing may be left of them. Returns how tests of their own find it. */
export function testCases(cases: readonly Case[], settings: Partial<ProxySettings> = {}): () => SluiceSubject {
  let subject: SluiceSubject;
  beforeAll(async () => {
    subject = await sluiceSubject(settings);
  });
  afterAll(() => subject.close());
  it.each(cases)('$name', ({ check }) => check(subject));
  return () => subject;
}
