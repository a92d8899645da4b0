/** The names of ExternalName Services: what is believed of a name server, and how often it is asked. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Resolver } from '../../../src/proxy/upstream/resolver.ts';
import { eventually } from '../../support/eventually.ts';
import { collectGarbage } from '../../support/garbage.ts';
import { exchange } from '../../support/raw-client.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table } from '../../support/proxy.ts';

type Done = (error: Error | null, addresses: readonly string[]) => void;

let now: number;
/** Look-ups that are not answered yet, and the names of all. */
let pending: Done[];
let asked: string[];
let resolver: Resolver;

beforeEach(() => {
  now = 5000;
  pending = [];
  asked = [];
  resolver = new Resolver(
    (name, done) => {
      asked.push(name);
      pending.push(done);
    },
    () => now,
  );
});

/** Resolves; what came at once, or `undefined`. */
function resolve(name = 'ext.example'): { address: string | null | undefined } {
  const result: { address: string | null | undefined } = { address: undefined };
  resolver.resolve(name, 60_000, (address) => {
    expect(result.address).toBeUndefined();
    result.address = address;
  });
  return result;
}

function answer(addresses: readonly string[], error: Error | null = null): void {
  pending.shift()!(error, addresses);
}

describe('the resolver', () => {
  it.each(['127.0.0.1', '127.255.255.254', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:127.9.9.9'])(
    'refuses %s, alone and among others',
    (loopback) => {
      const alone = resolve('alone');
      answer([loopback]);
      expect(alone.address).toBeNull();
      resolve('mixed');
      answer(['192.0.2.1', loopback, '2001:db8::1']);
      const got = Array.from({ length: 6 }, () => resolve('mixed').address);
      expect(new Set(got)).toEqual(new Set(['192.0.2.1', '2001:db8::1']));
    },
  );

  it.each(['126.255.255.255', '128.0.0.1', '10.0.0.1', '::2', '::ffff:10.0.0.1', 'fd00::1'])('takes %s', (address) => {
    const one = resolve();
    answer([address]);
    expect(one.address).toBe(address);
  });

  it('asks once for all who wait, and gives each of them the next address', () => {
    const waiting = [resolve(), resolve(), resolve()];
    // Also when the name server takes long.
    now += 1001;
    waiting.push(resolve());
    expect(asked).toEqual(['ext.example']);
    expect(waiting.every(({ address }) => address === undefined)).toBe(true);
    answer(['192.0.2.1', '192.0.2.2']);
    expect(waiting.map(({ address }) => address).sort()).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2']);
  });

  it('gives the addresses in turn', () => {
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const first = resolve();
    answer(addresses);
    const got = [first.address, ...Array.from({ length: 5 }, () => resolve().address)];
    expect(got.slice(0, 3).sort()).toEqual(addresses);
    expect(got.slice(3)).toEqual(got.slice(0, 3));
  });

  it('uses an answer for a second without asking again, and after it meanwhile', () => {
    resolve();
    answer(['192.0.2.1']);
    now += 1000;
    expect(resolve().address).toBe('192.0.2.1');
    expect(asked).toHaveLength(1);
    now += 1;
    expect(resolve().address).toBe('192.0.2.1');
    expect(asked).toHaveLength(2);
    // One look-up is enough.
    expect(resolve().address).toBe('192.0.2.1');
    expect(asked).toHaveLength(2);
    answer(['192.0.2.9']);
    expect(resolve().address).toBe('192.0.2.9');
  });

  it('keeps the last good addresses while the name server fails, and asks on', () => {
    resolve();
    answer(['192.0.2.1']);
    for (let failures = 1; failures < 4; failures++) {
      now += 1001;
      resolve();
      expect(asked).toHaveLength(1 + failures);
      answer([], new Error('SERVFAIL'));
      expect(resolve().address).toBe('192.0.2.1');
    }
    now += 1001;
    resolve();
    answer(['192.0.2.2']);
    expect(resolve().address).toBe('192.0.2.2');
  });

  it('takes the addresses away when the name server says there are none', () => {
    resolve();
    answer(['192.0.2.1']);
    now += 1001;
    resolve();
    answer([]);
    expect(resolve().address).toBeNull();
  });

  it('remembers a failure for a second too', () => {
    const first = resolve();
    answer([], new Error('ENOTFOUND'));
    expect(first.address).toBeNull();
    now += 1000;
    expect(resolve().address).toBeNull();
    expect(asked).toHaveLength(1);
    now += 1;
    const again = resolve();
    expect(asked).toHaveLength(2);
    answer(['192.0.2.1']);
    expect(again.address).toBe('192.0.2.1');
  });

  it('asks for a name once at a time, however long the answer takes', () => {
    resolve();
    answer(['192.0.2.1']);
    for (let i = 0; i < 20; i++) {
      now += 2000;
      expect(resolve().address).toBe('192.0.2.1');
    }
    expect(asked).toHaveLength(2);
    answer([], new Error('ETIMEOUT'));
    now += 2000;
    expect(resolve().address).toBe('192.0.2.1');
    expect(asked).toHaveLength(3);
  });

  it('lets no more than 1024 wait for the first answer', () => {
    const waiting = Array.from({ length: 1024 }, () => resolve());
    now += 2000;
    expect(resolve().address).toBeNull();
    expect(asked).toHaveLength(1);
    answer(['192.0.2.1']);
    for (const one of waiting) expect(one.address).toBe('192.0.2.1');
  });

  it('uses no more than 64 addresses of a name', () => {
    resolve();
    answer(Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`));
    const got = new Set(Array.from({ length: 200 }, () => resolve().address));
    expect(got.size).toBe(64);
  });

  it('remembers no more than 1024 names', () => {
    for (let i = 0; i <= 1024; i++) {
      resolve(`n${i}`);
      answer(['192.0.2.1']);
    }
    expect(asked).toHaveLength(1025);
    for (const name of ['n1', 'n1023', 'n1024']) expect(resolve(name).address).toBe('192.0.2.1');
    expect(asked).toHaveLength(1025);
    // The oldest went.
    expect(resolve('n0').address).toBeUndefined();
    expect(asked).toHaveLength(1026);
  });
});

describe('one who waits for a name', () => {
  it('gets nothing when it takes too long, and is not called again when the answer comes', async () => {
    let calls: (string | null)[] = [];
    resolver.resolve('slow', 1, (address) => calls.push(address));
    await eventually(() => calls.length === 1);
    // The look-up still runs: nobody starts another, however old it is.
    now += 60_000;
    const other = resolve('slow');
    expect(asked).toEqual(['slow']);
    answer(['192.0.2.1']);
    expect([calls, other.address]).toEqual([[null], '192.0.2.1']);
    calls = [];
    now += 60_000;
    resolver.resolve('slow', 1, (address) => calls.push(address));
    expect(calls).toEqual(['192.0.2.1']);
  });

  it('is forgotten with all it holds, though the look-up never ends', async () => {
    // Not in this function: what it has on its stack would not be collected.
    const wait = (): WeakRef<object> => {
      const held = { exchange: 'of a client that is gone' };
      resolver.resolve('never', 1, () => void held.exchange);
      return new WeakRef(held);
    };
    const refs = Array.from({ length: 10 }, wait);
    await eventually(() => {
      collectGarbage();
      return refs.every((ref) => ref.deref() === undefined);
    });
  });
});

describe('an ExternalName Service', () => {
  it('that names a loopback address reaches nothing', async () => {
    const admin = await rawBackend(() => response('secret'));
    const endpoints = [{ address: 'evil.example', port: admin.port, dns: true }];
    const proxy = await startProxy(
      table([host('app.example', [prefixRoute('/', 'app')])], [{ ...group('app', []), endpoints }]),
      {},
      (_, done) => done(null, ['127.0.0.1', '::ffff:127.0.0.1', '::1', '0.0.0.0']),
    );
    try {
      expect((await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(502);
      expect(admin.sockets).toHaveLength(0);
    } finally {
      await proxy.close();
      await admin.close();
    }
  });

  it('whose names all fail is 502, each asked for once', async () => {
    const names: string[] = [];
    const endpoints = ['one.example', 'two.example', 'three.example'].map((address) => ({ address, port: 80, dns: true }));
    const proxy = await startProxy(
      table([host('app.example', [prefixRoute('/', 'app')])], [{ ...group('app', []), endpoints }]),
      {},
      (name, done) => {
        names.push(name);
        done(new Error('ENOTFOUND'), []);
      },
    );
    try {
      expect((await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(502);
      expect(names.sort()).toEqual(['one.example', 'three.example', 'two.example']);
    } finally {
      await proxy.close();
    }
  });
});
