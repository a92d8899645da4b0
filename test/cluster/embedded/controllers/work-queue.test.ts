import { describe, expect, it } from 'vitest';
import { WorkQueue } from '../../../../src/cluster/embedded/controllers/work-queue.ts';
import { eventually } from '../../../support/eventually.ts';

describe('the work queue', () => {
  it('looks once at an object that was added often, keyed by namespace and name', async () => {
    const seen: string[] = [];
    const queue = new WorkQueue(
      (namespace, name) => void seen.push(`${namespace}|${name}`),
      () => {},
    );
    for (const [namespace, name] of [
      ['a', 'b'],
      ['a', 'b'],
      ['', 'a/b'],
      ['a', 'c'],
    ] as const)
      queue.add(namespace, name);
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['a|b', '|a/b', 'a|c']);
    await queue.close();
  });

  it('looks again when it was added meanwhile, never twice at a time', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const queue = new WorkQueue(
      async () => {
        runs += 1;
        running += 1;
        most = Math.max(most, running);
        if (runs === 1) for (let i = 0; i < 3; i += 1) queue.add('', 'x');
        await new Promise(setImmediate);
        running -= 1;
      },
      () => {},
    );
    queue.add('', 'x');
    await eventually(() => runs === 2 && running === 0);
    await queue.close();
    expect([runs, most]).toEqual([2, 1]);
  });

  it('reports a failure and tries again; other objects go on', async () => {
    const reported: string[] = [];
    const done: string[] = [];
    let left = 2;
    const queue = new WorkQueue(
      (_, name) => {
        if (name === 'bad' && left > 0) {
          left -= 1;
          throw new Error('no');
        }
        done.push(name);
      },
      (_, name, error) => reported.push(`${name}: ${String(error)}`),
    );
    queue.add('', 'bad');
    queue.add('', 'good');
    await eventually(() => done.length === 2);
    await queue.close();
    expect(done).toEqual(['good', 'bad']);
    expect(reported).toEqual(['bad: Error: no', 'bad: Error: no']);
  });

  it('waits for what is under way when it closes, and takes nothing more', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let ended = false;
    let runs = 0;
    const queue = new WorkQueue(
      async () => {
        runs += 1;
        await promise;
        ended = true;
      },
      () => {},
    );
    queue.add('', 'x');
    await eventually(() => runs === 1);
    queue.add('', 'x');
    const closed = queue.close();
    resolve(undefined);
    await closed;
    expect([ended, runs]).toEqual([true, 1]);
  });
});
