/**
 * Ten thousand certificates: a context holds tens of kilobytes outside the heap, so those of all at once would be half a gigabyte, in
 * every worker. They are made on use, and those unused for longest go.
 */
import { expect, it } from 'vitest';
import { certificateId } from '../../../src/model/table.ts';
import { TlsContexts } from '../../../src/proxy/listener/tls-contexts.ts';
import { collectGarbage } from '../../support/garbage.ts';
import { certificate, host, proxySettings } from '../../support/proxy.ts';

const CERTIFICATES = 10_000;

it('of ten thousand certificates, all in use, a thousand contexts are kept, and the memory of no more', async () => {
  const contexts = new TlsContexts(proxySettings());
  const one = certificate('one', ['one.example']);
  contexts.setDefault(one);
  for (let i = 0; i < CERTIFICATES; i++) {
    const id = certificateId('default', `c${i}`);
    contexts.setCertificate({ ...one, id, fingerprint: `fingerprint ${i}` });
    contexts.setHost(host(`h${i}.example`, [], id));
  }
  const used = async (): Promise<number> => {
    // Contexts are freed when their wrappers are, in a turn of the event loop of their own.
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().rss / 1024 ** 2;
  };
  for (let i = 0; i < 2000; i++) contexts.contextFor(`h${i}.example`);
  const before = await used();
  for (let i = 0; i < 2 * CERTIFICATES; i++) {
    contexts.contextFor(`h${i % CERTIFICATES}.example`);
    // A worker makes garbage of its own between two handshakes; this loop makes none.
    if (i % 500 === 0) await used();
  }
  expect(contexts.size).toBe(1000);
  // Ten thousand kept would be some hundreds.
  expect((await used()) - before).toBeLessThan(80);
});
