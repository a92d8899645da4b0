/** Requests of policies to services of their own: how many, for how long, over which connections. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Subrequest, SubrequestResponse } from '../../src/policies/subrequest.ts';
import { Deadlines } from '../../src/proxy/deadlines.ts';
import { Outbox } from '../../src/proxy/outbox.ts';
import { Subrequests } from '../../src/proxy/subrequest/sender.ts';
import { IdleConnections } from '../../src/proxy/upstream/idle.ts';
import { isOutside, Resolver } from '../../src/proxy/upstream/resolver.ts';
import { eventually } from '../support/eventually.ts';
import { proxySettings, response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
const made: { close: () => void }[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) one.close();
  await stage.close();
});

/** A sender on a clock of its own. */
function sender(changes: { readonly reachable?: (address: string) => boolean } = {}) {
  const clock = { now: 0 };
  const settings = proxySettings();
  const deadlines = new Deadlines(() => clock.now);
  const bugs: unknown[] = [];
  const reachable = changes.reachable ?? (() => true);
  const onBug = (error: unknown): void => void bugs.push(error);
  const subrequests = new Subrequests({
    pools: {
      onBug,
      deadlines,
      outbox: new Outbox(),
      limits: () => settings,
      connectTimeout: () => 5000,
      readTimeout: () => 60_000,
      sendTimeout: () => 60_000,
      readBuffer: Buffer.alloc(65_536),
      poolLimits: () => settings,
      idle: new IdleConnections(),
    },
    resolver: new Resolver(
      (name, done) => done(null, [name === 'inside.test' ? '127.0.0.1' : '192.0.2.1']),
      () => clock.now,
      reachable,
    ),
    deadlines,
    reachable,
    connectTimeout: () => 5000,
    readTimeout: () => 60_000,
    onBug,
  });
  made.push(subrequests, deadlines);
  const ask = (
    port: number,
    more: Partial<Subrequest> = {},
  ): { answer: Promise<SubrequestResponse | null>; cancel: () => void } => {
    let cancel = (): void => undefined;
    const answer = new Promise<SubrequestResponse | null>((resolve) => {
      cancel = subrequests.send(
        {
          tls: false,
          host: '127.0.0.1',
          port,
          method: 'GET',
          head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
          keepAlive: null,
          ...more,
        },
        resolve,
      );
    });
    return { answer, cancel: () => cancel() };
  };
  return { clock, deadlines, subrequests, bugs, ask };
}

describe('a sub-request', () => {
  it('gets the head of the response', async () => {
    const { port } = await stage.backend(() => response('ignored', 'X-A: 1\r\nx-a: 2\r\n'));
    const { ask } = sender();
    const answer = await ask(port).answer;
    expect([answer!.status, answer!.field('x-a'), answer!.field('x-b')]).toEqual([200, ['1', '2'], []]);
  });

  it('of so many at once, 256 are sent, 1024 wait, and the others fail at once', async () => {
    const backend = await stage.backend(() => null);
    const { ask, subrequests } = sender();
    const calls = Array.from({ length: 1400 }, () => ask(backend.port));
    const failed = await Promise.race(calls.map(({ answer }) => answer));
    expect(failed).toBeNull();
    await eventually(() => backend.sockets.length === 256);
    const outcomes: unknown[] = [];
    for (const { answer } of calls) void answer.then((one) => outcomes.push(one));
    await new Promise(setImmediate);
    expect([subrequests.connections, outcomes.length]).toEqual([256, 1400 - 256 - 1024]);
    for (const { cancel } of calls) cancel();
    await eventually(() => subrequests.connections === 0);
  });

  it('of one service does not wait for another’s', async () => {
    const slow = await stage.backend(() => null);
    const quick = await stage.backend(() => response(''));
    const { ask } = sender();
    const calls = Array.from({ length: 600 }, () => ask(slow.port));
    expect((await ask(quick.port).answer)!.status).toBe(200);
    for (const { cancel } of calls) cancel();
  });

  it('that nobody waits for any more lets go of its connection, and is not answered', async () => {
    const backend = await stage.backend(() => null);
    const { ask, subrequests, deadlines } = sender();
    const { answer, cancel } = ask(backend.port);
    let answered = false;
    void answer.then(() => (answered = true));
    await eventually(() => backend.received.join('') !== '');
    cancel();
    cancel();
    await eventually(() => subrequests.connections === 0 && deadlines.size === 0);
    expect(answered).toBe(false);
  });

  it('has all the time there is for connecting and reading, and no more', async () => {
    const backend = await stage.backend(() => null);
    const { ask, clock, deadlines } = sender();
    const { answer } = ask(backend.port);
    await eventually(() => backend.received.join('') !== '');
    clock.now = 65_300;
    deadlines.check();
    expect(await answer).toBeNull();
  });

  it('is not sent where no service may be', async () => {
    const backend = await stage.backend(() => response(''));
    const { ask } = sender({ reachable: isOutside });
    expect([await ask(backend.port).answer, await ask(backend.port, { host: 'inside.test' }).answer]).toEqual([null, null]);
    expect(backend.sockets).toEqual([]);
  });

  it('goes to no more than 256 services that are remembered', async () => {
    const backend = await stage.backend(() => response(''));
    const { ask, subrequests } = sender();
    const distinct = Array.from({ length: 300 }, (_, i) => ({
      keepAlive: { connections: 1, requests: 1000 + i, timeout: 60_000 },
    }));
    for (const more of distinct) expect((await ask(backend.port, more).answer)!.status).toBe(200);
    await eventually(() => subrequests.connections <= 256);
  });

  it('whose answer is not understood by its asker is a bug, and costs nothing else', async () => {
    const { port } = await stage.backend(() => response(''));
    const { subrequests, bugs, ask } = sender();
    subrequests.send(
      { tls: false, host: '127.0.0.1', port, method: 'GET', head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', keepAlive: null },
      () => {
        throw new Error('mine');
      },
    );
    await eventually(() => bugs.length === 1);
    expect((await ask(port).answer)!.status).toBe(200);
  });
});
