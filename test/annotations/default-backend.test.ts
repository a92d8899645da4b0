/** `default-backend`: the Service that stands in for one without endpoints. */
import { afterEach, describe, expect, it } from 'vitest';
import { service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { headsOf, site, valuesOf } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

describe('default-backend', () => {
  it.each([
    ['default: absent', undefined, 503],
    ['empty', '', 503],
    ['typical', 'stand-in', 200],
    ['edge: white space', ' stand-in ', 200],
    ['edge: it does not exist', 'nosuch', 503],
    ['edge: it has no endpoint either', 'app', 503],
    ['invalid: a namespace', 'other/stand-in', 503],
    ['invalid: capitals', 'Stand-In', 503],
    ['invalid: control characters', 'stand-in\u0001', 503],
    ['invalid: no text', 7, 503],
  ])('%s: %s', async (_, value, status) => {
    const backend = await stage.backend(() => response('stand-in'));
    const { ask } = await site(stage, value === undefined ? {} : { 'default-backend': value }, {
      empty: true,
      objects: service('stand-in', [backend.port]),
    });
    expect((await ask()).status).toBe(status);
  });

  it('gets the request as it is, and X-Code and its kin in place of what the client says of that', async () => {
    const backend = await stage.backend(() => response('stand-in'));
    const { ask, ask2 } = await site(
      stage,
      { 'default-backend': 'stand-in', 'upstream-vhost': 'inner' },
      {
        empty: true,
        objects: service('stand-in', [backend.port]),
      },
    );
    await ask(['X-Code: 200', 'X-Namespace: evil', 'Accept: text/html', 'Content-Length: 2'], 'POST /a?b HTTP/1.1', 'ab');
    const [head] = headsOf(backend);
    expect(head![0]).toBe('POST /a?b HTTP/1.1');
    const names = [
      'host',
      'x-code',
      'x-format',
      'x-namespace',
      'x-ingress-name',
      'x-service-name',
      'x-service-port',
      'content-length',
    ];
    expect(names.map((name) => valuesOf(head!, name))).toEqual([
      ['inner'],
      ['503'],
      ['text/html'],
      ['default'],
      ['web'],
      ['app'],
      ['80'],
      ['2'],
    ]);
    expect((await ask2({ 'x-code': '200' })).headers[':status']).toBe(200);
    expect(valuesOf(headsOf(backend)[1]!, 'x-code')).toEqual(['503']);
  });

  it('is not asked while there is an endpoint', async () => {
    const backend = await stage.backend(() => response('stand-in'));
    const { ask } = await site(stage, { 'default-backend': 'stand-in' }, { objects: service('stand-in', [backend.port]) });
    expect((await ask()).body).toBe('ok');
  });
});
