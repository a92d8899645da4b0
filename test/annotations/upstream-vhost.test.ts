/** `upstream-vhost`: the Host that backends get. */
import { afterEach, describe, expect, it } from 'vitest';
import { h2Backend } from '../support/h2-backend.ts';
import { service } from '../support/ingress.ts';
import { site, valuesOf } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

describe('upstream-vhost', () => {
  it.each([
    ['default', undefined, 'app.example'],
    ['empty', '', 'app.example'],
    ['typical', 'internal.example', 'internal.example'],
    ['with a port', 'internal.example:8080', 'internal.example:8080'],
    ['variables', '$service_name.$namespace.svc', 'app.default.svc'],
    ['variables in braces', '${service_name}-x', 'app-x'],
    ['edge: a variable that is empty', '$http_x_none', 'app.example'],
    ['edge: what a client says', '$http_x_host', 'evil.example X-Evil: 1'],
    ['invalid: an unknown variable', '$nosuch', 'app.example'],
    ['invalid: spaces', 'a b', 'app.example'],
    ['invalid: quotes and braces', '"a"; }', 'app.example'],
    ['invalid: two lines', 'a.example\nX-Evil: 1', 'app.example'],
    ['invalid: no text', 7, 'app.example'],
  ])('%s: %s', async (name, value, host) => {
    const { ask, heads, diagnostics } = await site(stage, value === undefined ? {} : { 'upstream-vhost': value });
    expect((await ask(['X-Host: evil.example X-Evil: 1'])).status).toBe(200);
    const [head] = heads();
    expect(valuesOf(head!, 'host')).toEqual([host]);
    expect(valuesOf(head!, 'x-forwarded-host')).toEqual(['app.example']);
    expect(valuesOf(head!, 'x-evil')).toEqual([]);
    expect(diagnostics.length).toBe(name.startsWith('invalid') ? 1 : 0);
  });

  it('64 KiB is a host that a backend may refuse, and nothing else', async () => {
    const { ask, heads } = await site(stage, { 'upstream-vhost': 'a'.repeat(65_536) });
    expect((await ask()).status).toBe(200);
    expect(valuesOf(heads()[0]!, 'host')).toEqual(['a'.repeat(65_536)]);
  });

  it('from a client of HTTP/2, and to a backend of HTTP/2', async () => {
    const { ask2, heads } = await site(stage, { 'upstream-vhost': 'internal.example' });
    await ask2();
    expect(valuesOf(heads()[0]!, 'host')).toEqual(['internal.example']);
    const backend = stage.opened(
      await h2Backend(({ stream }) => {
        stream.respond({ ':status': 200 });
        stream.end('ok');
      }),
    );
    const grpc = await site(
      stage,
      { 'upstream-vhost': 'internal.example', 'backend-protocol': 'GRPC' },
      { text: { service: 'h2' }, objects: service('h2', [backend.port]) },
    );
    expect((await grpc.ask()).status).toBe(200);
    expect(backend.requests[0]!.headers[':authority']).toBe('internal.example');
  });

  it('the variable of another request is not remembered', async () => {
    const { ask, heads } = await site(stage, { 'upstream-vhost': '$http_x_host' });
    await ask(['X-Host: a.example']);
    await ask([]);
    expect(heads().map((head) => valuesOf(head, 'host')[0])).toEqual(['a.example', 'app.example']);
  });
});
