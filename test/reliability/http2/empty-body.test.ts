/**
 * Threat: the end of a body that is empty comes while nobody is there to be told, because the name of the backend is being looked up; an exception then ends all
 * streams of the client. RFC 9113 §8.1: an empty DATA frame may end a request whose Content-Length is 0, or that has none.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { data, headers, request } from '../../support/http2/frames.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { group, host, prefixRoute, response, startProxy, table } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import type { Lookup } from '../../../src/proxy/upstream/resolver.ts';

const stage = new Stage();

afterEach(() => stage.close());

describe('an empty body that ends with a frame of its own', () => {
  it.for([
    ['of no length, at once', false],
    ['of length 0, later', true],
  ] as const)('%s, while the name of its backend is looked up, is an end', async ([, announced]) => {
    let answer: Parameters<Lookup>[1] | undefined;
    const named = { ...group('app', []), endpoints: [{ address: 'name.example', port: 80, dns: true }] };
    const hosts = [host('app.example', [prefixRoute('/', 'app')])];
    const proxy = stage.watched(await startProxy(table(hosts, [named]), {}, (_, done) => (answer = done)));
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    const fields = request('/', 'POST');
    if (announced) {
      client.send(headers(1, [...fields, ['content-length', '0']], false));
      await eventually(() => answer);
      client.send(data(1, '', true));
    } else client.send(headers(1, fields, false), data(1, '', true));
    await eventually(() => answer);
    expect(await client.errorOrAlive(1)).toBe('alive');
    answer!(null, []);
    expect(await client.outcome(1)).toBe('status 502');
  });

  it('reaches a backend once', async () => {
    const backend = await stage.backend((head) => (head.startsWith('POST') ? response('ok') : null));
    const proxy = await stage.proxyTo([backend.port]);
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    client.send(headers(1, [...request('/', 'POST'), ['content-length', '0']], false), data(1, '', true));
    expect(await client.outcome(1)).toBe('status 200');
    client.send(headers(3, request('/', 'POST'), false), data(3, '', true));
    expect(await client.outcome(3)).toBe('status 200');
    expect(backend.received.join('').match(/^POST /gm)).toHaveLength(2);
  });
});
