/**
 * UDP has no connections: sessions are made up by us, and must neither mix clients up, nor pile up, nor outlive their endpoint.
 * Source: nginx's `proxy_responses`; CWE-400 for sessions that any packet with a made-up sender opens.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { STREAMS, UDP_DROPPED } from '../../../src/observe/series.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { group, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { UdpClient, udpBackend, type UdpBackend } from '../../support/stream-backend.ts';
import { stream } from '../../support/streams.ts';

const stage = new Stage();
afterEach(() => stage.close());

async function start(
  backends: readonly UdpBackend[],
  settings: Partial<ProxySettings> = {},
): Promise<{ proxy: TestProxy; port: number }> {
  const port = await freePort();
  const entry = stream('UDP', port);
  const patch = table(
    [],
    [
      group(
        'app',
        backends.map((one) => one.port),
      ),
    ],
    { streams: [entry] },
  );
  const proxy = stage.watched(await startProxy(patch, settings));
  await proxy.runtime.listenStream(entry.id);
  return { proxy, port };
}

const backend = async (answer: (text: string) => readonly string[] = (text) => [`re ${text}`]): Promise<UdpBackend> =>
  stage.opened(await udpBackend(answer));
const client = async (port: number): Promise<UdpClient> => stage.opened(await UdpClient.to(port));
const sessions = (proxy: TestProxy): number => proxy.runtime.census().udpSessions;

describe('a UDP service', () => {
  it('answers from its own port, and the session ends with the answer', async () => {
    const { proxy, port } = await start([await backend()]);
    const asking = await client(port);
    for (const text of ['a', '', 'b'.repeat(9000)]) expect(await asking.ask(text)).toBe(`re ${text}`);
    await eventually(() => sessions(proxy) === 0);
    expect(proxy.counters[STREAMS]).toBeGreaterThanOrEqual(3);
  });

  it('serves 1,000 clients at once, each with its own answers', async () => {
    const { proxy, port } = await start([await backend(), await backend()], { streamResponses: 2 });
    const clients: UdpClient[] = [];
    for (let i = 0; i < 1000; i++) clients.push(await client(port));
    for (let from = 0; from < clients.length; from += 50) {
      const part = clients.slice(from, from + 50);
      const answers = await Promise.all(part.map((one, index) => one.ask(`client ${from + index}`)));
      expect(answers).toEqual(part.map((_, index) => `re client ${from + index}`));
    }
    expect(sessions(proxy)).toBe(1000);
    proxy.runtime.apply(table([], []));
    expect(sessions(proxy)).toBe(0);
  });

  it('keeps no more sessions than allowed: those that were never answered give way, and a flood of them shuts nobody out', async () => {
    const app = await backend((text) => (text === 'x' ? [] : [`re ${text}`]));
    const { proxy, port } = await start([app], { streamUdpSessions: 3, streamResponses: 2 });
    const known = await client(port);
    expect(await known.ask('hello')).toBe('re hello');
    const strangers = await Promise.all(Array.from({ length: 20 }, () => client(port)));
    for (const one of strangers) one.send('x');
    await eventually(() => proxy.counters[UDP_DROPPED] === 18);
    expect(sessions(proxy)).toBe(3);
    expect(await (await client(port)).ask('new')).toBe('re new');
    // Its session is the one it had: none of the others took its place.
    expect(proxy.counters[STREAMS]).toBe(19);
    expect(await known.ask('again')).toBe('re again');
    expect(proxy.counters[STREAMS]).toBe(19);
    proxy.runtime.apply(table([], []));
  });

  it('drops what comes from further clients when all that it has were answered', async () => {
    const app = await backend();
    const { proxy, port } = await start([app], { streamUdpSessions: 3, streamResponses: 2, streamTimeout: 300 });
    const clients = await Promise.all(Array.from({ length: 3 }, () => client(port)));
    for (const one of clients) await one.ask('x');
    (await client(port)).send('y');
    await eventually(() => proxy.counters[UDP_DROPPED] === 1);
    expect(sessions(proxy)).toBe(3);
    // Silent ones end by themselves, and there is room again.
    await eventually(() => sessions(proxy) === 0);
    expect(app.received).toEqual(['x', 'x', 'x']);
  });

  it('expects as many answers as proxy-stream-responses says', async () => {
    const three = await backend((text) => [1, 2, 3].map((n) => `${text}${n}`));
    const { proxy, port } = await start([three], { streamResponses: 3 });
    const asking = await client(port);
    asking.send('a');
    expect([await asking.answer(), await asking.answer(), await asking.answer()]).toEqual(['a1', 'a2', 'a3']);
    await eventually(() => sessions(proxy) === 0);
    const none = await start([three], { streamResponses: 0 });
    const silent = await client(none.port);
    const before = three.received.length;
    silent.send('log line');
    await eventually(() => three.received.length > before);
    await eventually(() => sessions(none.proxy) === 0);
  });

  it('leaves an endpoint that is gone, or refuses, with the next datagram', async () => {
    const [one, two] = [await backend(() => ['one']), await backend(() => ['two'])];
    const { proxy, port } = await start([one], { streamResponses: 100 });
    const asking = await client(port);
    expect(await asking.ask('x')).toBe('one');
    proxy.runtime.apply(table([], [group('app', [two.port])], { streams: [stream('UDP', port)] }));
    expect(await asking.ask('x')).toBe('two');
    const refusing = await freePort();
    proxy.runtime.apply(table([], [group('app', [refusing, two.port])], { streams: [stream('UDP', port)] }));
    const other = await client(port);
    expect(await other.ask('x')).toBe('two');
    proxy.runtime.apply(table([], []));
  });

  it('takes nothing from strangers for an answer', async () => {
    const quiet = await backend(() => []);
    const { proxy, port } = await start([quiet], { streamTimeout: 300 });
    const asking = await client(port);
    asking.send('x');
    await eventually(() => quiet.received.length === 1);
    const stranger = await backend(() => ['forged']);
    stranger.received.length = 0;
    const loud = await client(stranger.port);
    expect(await loud.ask('y')).toBe('forged');
    await eventually(() => sessions(proxy) === 0);
  });
});
