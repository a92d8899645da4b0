/**
 * Threat: the wall clock jumps by an hour (a resumed machine, a corrected NTP): every timeout fires at once or never, and all
 * connections are cut together (reference E9). Deadlines go by a monotonic clock; what a certificate is worth goes by the wall.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientConnection } from '../../../src/proxy/http1/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const HOUR = 3_600_000;

let stage = new Stage();

afterEach(async () => {
  vi.useRealTimers();
  await stage.close();
  stage = new Stage();
});

describe('E9 the wall clock', () => {
  it.each([
    ['forward', HOUR],
    ['back', -HOUR],
  ])('E9: jumps %s: nothing times out, and nothing is kept for ever', async (_, jump) => {
    const backend = await stage.backend((head) => (head.startsWith('GET /hold') ? null : response('x')));
    // Timeouts of a minute and more, far below the jump, and one that is to fire.
    const proxy = await stage.proxyTo([backend.port], { clientHeaderTimeout: 1000 });
    const [idle, busy, half] = [await stage.client(proxy.port), await stage.client(proxy.port), await stage.client(proxy.port)];
    await idle.request(GET);
    busy.send(GET.replace('/ ', '/hold '));
    await eventually(() => backend.received.join('').includes('/hold'));
    await idle.request(GET);
    const clients = [...proxy.runtime.connections].filter((one) => one instanceof ClientConnection);
    const held = clients.flatMap(({ request }) => request?.exchange ?? []);
    const connections = backend.sockets.length;
    expect(connections).toBe(2);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + jump });
    half.send(GET.slice(0, 20));
    // Several looks at the deadlines pass before the head that never ends is given up.
    const refused = await half.response();
    expect(refused.status).toBe(408);
    // The date is the wall clock's (RFC 9110 §6.6.1).
    const date = Date.parse(refused.headers.get('date')![0]!);
    expect(Math.abs(date - Date.now())).toBeLessThan(60_000);
    expect((await idle.request(GET)).body).toBe('x');
    // On the same upstream connection: its age and idle time did not jump.
    expect(backend.sockets).toHaveLength(connections);
    backend.sockets[0]!.write(response('late'));
    expect((await busy.response()).body).toBe('late');
    // Durations, by which tries are limited too, did not either.
    const spent = held.map(({ startedAt, finishedAt }) => finishedAt - startedAt);
    for (const milliseconds of spent) expect(Math.abs(milliseconds)).toBeLessThan(HOUR / 2);
    expect(spent).toHaveLength(1);
  });
});
