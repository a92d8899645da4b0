/** Everything a user can get wrong, through the whole chain: its defined answer, its report, and every other route as before. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain, storeUnchecked } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { Load } from '../support/load.ts';
import { backend, ingress, tlsSecret } from '../support/manifests.ts';
import { makeCertificate } from '../support/pki.ts';
import { BAD, GOOD, REFUSED } from './bad-input.ts';

let chain: Chain;
/** Requests for a route that nothing here is about, all the time. */
let control: Load;

beforeAll(async () => {
  chain = await (await Chain.start()).listening();
  chain.apply(ingress('control', 'control.test Prefix / control'), ...backend('web'));
  await chain.settled();
  await eventually(async () => (await chain.get('http://control.test/')).echo?.pod === 'control');
  control = new Load({ port: chain.httpPort, host: 'control.test', connections: 1, interval: 1 });
});
afterAll(async () => {
  await control.stop();
  await chain.close();
});

const PLACES = { Ingress: 'apis/networking.k8s.io/v1', Service: 'api/v1', Secret: 'api/v1' } as const;

describe('the API server refuses a malformed manifest', () => {
  it.each(REFUSED)('$name: $status', async ({ body, status, says }) => {
    const kind = typeof body === 'string' ? 'Ingress' : (body as { kind: keyof typeof PLACES }).kind;
    const collection = { Ingress: 'ingresses', Service: 'services', Secret: 'secrets' }[kind];
    const response = await fetch(`${chain.cluster.url}/${PLACES[kind]}/namespaces/default/${collection}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const answer = (await response.json()) as { code: number; message: string; details?: { causes?: { field: string }[] } };
    expect([response.status, answer.code]).toEqual([status, status]);
    expect(answer.details?.causes?.[0]?.field ?? answer.message).toContain(says);
  });
});

async function answerText(url: string, from = chain): Promise<string> {
  const { status, headers, echo } = await from.get(url);
  if (status === 200 && echo !== null) return echo.pod;
  return headers.location === undefined ? String(status) : `${status} ${headers.location}`;
}

describe.concurrent('what the API server lets through has a defined answer and a report', () => {
  it.each(BAD)('$name', async ({ objects = [], unchecked = [], answers, certificate, reports }) => {
    chain.apply(...objects);
    for (const object of unchecked) storeUnchecked(chain.cluster, object);

    for (const { code, on, field } of reports) {
      const [kind, name] = on.split(' ') as [string, string];
      await eventually(async () => {
        expect(await chain.diagnostics()).toContainEqual(
          expect.objectContaining({ code, field, object: expect.objectContaining({ kind, name }) }),
        );
        return true;
      });
      await eventually(() => {
        const warnings = chain.events(kind, name).filter(({ type }) => type === 'Warning');
        expect(warnings).toContainEqual(
          expect.objectContaining({ reason: code, message: expect.stringMatching(`^${RegExp.escape(field)}: `) }),
        );
        return true;
      });
    }
    for (const [url, expected] of Object.entries(answers)) {
      await eventually(async () => {
        expect([url, await answerText(url)]).toEqual([url, expected]);
        return true;
      });
    }
    if (certificate !== undefined) {
      const served = (await chain.get(Object.keys(answers)[0] ?? '')).certificate;
      const byDefault = (await chain.get('https://unknown.test/')).certificate;
      expect(served).toEqual(certificate === null ? byDefault : new X509Certificate(certificate).raw);
    }
  });
});

describe('afterwards', () => {
  it('nothing is reported that is not wrong', async () => {
    const wrong = new Set(BAD.flatMap(({ reports }) => reports.map(({ on }) => on)));
    const reported = (await chain.diagnostics()).map(({ object: { kind, name } }) => `${kind} ${name}`);
    expect(reported.filter((on) => !wrong.has(on))).toEqual([]);
  });

  it('no private key is in the configuration dump, nor in the log', async () => {
    const told = JSON.stringify(await chain.configuration()) + chain.sluice.stdout + chain.sluice.stderr;
    expect(told).not.toContain('PRIVATE KEY');
    // Nor without its frame.
    const [, keyText = ''] = GOOD.key.split('\n');
    expect(keyText.length).toBeGreaterThan(40);
    expect(told).not.toContain(keyText);
  });

  it('a controller that starts with all of it there serves and reports the same', async () => {
    const second = await Chain.start({ cluster: chain.cluster, flags: ['--election-id=second', '--update-status=false'] });
    try {
      await second.listening();
      const { diagnostics, hosts, groups, certificates } = await chain.configuration();
      await eventually(async () => {
        const fresh = await second.configuration();
        expect(fresh.diagnostics).toEqual(diagnostics);
        expect([fresh['hosts'], fresh['groups'], fresh['certificates']]).toEqual([hosts, groups, certificates]);
        return true;
      });
      expect((await second.ready()).status).toBe(200);
      expect(await answerText('http://bad-path.test/good', second)).toBe('web');
    } finally {
      await second.close();
    }
  });

  it('what is mended is served, and no longer reported', async () => {
    const mended = makeCertificate({ names: ['mismatch.test'], keyType: 'ec' });
    chain.apply(tlsSecret('mismatch', mended), ...backend('nowhere'));
    await eventually(async () => {
      const { certificate } = await chain.get('https://mismatch.test/');
      return certificate?.equals(new X509Certificate(mended.cert).raw);
    });
    await eventually(async () => (await answerText('http://no-service.test/bad')) === 'nowhere');
    const reported = (await chain.diagnostics()).map(({ object: { kind, name } }) => `${kind} ${name}`);
    expect(reported).not.toContain('Secret mismatch');
    expect(reported).not.toContain('Ingress no-service');
  });

  it('nothing is left when the objects are gone', async () => {
    chain.cluster.delete(BAD.flatMap(({ objects = [], unchecked = [] }) => [...objects, ...unchecked]));
    await eventually(async () => (await chain.diagnostics()).length === 0);
    expect(await answerText('http://bad-path.test/good')).toBe('404');
  });

  it('every request for another route was answered as before, and the process lives', async () => {
    await control.stop();
    expect(control.failures).toEqual([]);
    expect(control.answered).toBeGreaterThan(100);
    expect((await chain.get('http://control.test/')).echo?.pod).toBe('control');
    expect(chain.alive).toBe(true);
    expect(chain.sluice.log().filter(({ message }) => /bug|worker|pass of/u.test(String(message)))).toEqual([]);
  });
});
