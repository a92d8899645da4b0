/** Passwords that take long to check: who waits, who is sent away, and what is remembered. */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { PasswordChecker, type PasswordAnswer, type PasswordQuestion } from '../../../src/policies/passwords/checker.ts';
import { FairQueue } from '../../../src/policies/passwords/fair-queue.ts';
import { OwnHashThread, type HashThread } from '../../../src/policies/passwords/hash-thread.ts';

const SLOW = '$2y$04$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m';

/** A thread that answers when it is told to. */
class HeldThread implements HashThread {
  readonly asked: string[] = [];
  closed = false;
  #done: ((right: boolean | null) => void) | null = null;

  check(password: Uint8Array, _: string, done: (right: boolean | null) => void): void {
    if (this.#done !== null) throw new Error('one at a time');
    this.asked.push(Buffer.from(password).toString());
    this.#done = done;
  }

  answer(right: boolean | null): void {
    const done = this.#done!;
    this.#done = null;
    done(right);
  }

  close(): void {
    this.closed = true;
  }
}

function question(password: string, changes: Partial<PasswordQuestion> = {}): PasswordQuestion {
  return {
    list: 'l',
    user: 'joe',
    password: Buffer.from(password),
    hash: SLOW,
    exists: true,
    group: 'g',
    client: 'c',
    ...changes,
  };
}

function held() {
  const thread = new HeldThread();
  const clock = { now: 0 };
  const checker = new PasswordChecker(thread, () => clock.now);
  const answers: PasswordAnswer[] = [];
  const ask = (password: string, changes: Partial<PasswordQuestion> = {}): PasswordAnswer | null =>
    checker.check(question(password, changes), (answer) => answers.push(answer));
  return { thread, clock, checker, answers, ask };
}

describe('a password that is right', () => {
  it('is asked for once, and remembered for a minute', () => {
    const { thread, clock, answers, ask } = held();
    expect(ask('secret')).toBeNull();
    thread.answer(true);
    expect(answers).toEqual(['right']);
    clock.now = 59_999;
    expect(ask('secret')).toBe('right');
    clock.now = 60_000;
    expect(ask('secret')).toBeNull();
    expect(thread.asked.length).toBe(2);
  });

  it('of one user or list is no other’s', () => {
    const { thread, ask } = held();
    ask('secret');
    thread.answer(true);
    expect([ask('secret', { user: 'ann' }), ask('secret', { list: 'other' }), ask('secreT')]).toEqual([null, null, null]);
  });

  it('of a user who does not exist is wrong, and takes as long', () => {
    const { thread, answers, ask } = held();
    expect(ask('secret', { exists: false })).toBeNull();
    thread.answer(true);
    expect([answers, thread.asked]).toEqual([['wrong'], ['secret']]);
  });
});

describe('a password that is wrong', () => {
  it('is remembered for some seconds', () => {
    const { thread, clock, answers, ask } = held();
    ask('wrong');
    thread.answer(false);
    clock.now = 4999;
    expect([answers, ask('wrong')]).toEqual([['wrong'], 'wrong']);
    clock.now = 5000;
    expect(ask('wrong')).toBeNull();
  });
});

describe('clients that ask at once', () => {
  it('share one check of one password', () => {
    const { thread, answers, ask } = held();
    for (let i = 0; i < 3; i++) expect(ask('secret', { client: `c${i}` })).toBeNull();
    thread.answer(true);
    expect([thread.asked.length, answers]).toEqual([1, ['right', 'right', 'right']]);
  });

  it('are sent away when they ask too much, and others are not', () => {
    const { thread, checker, ask } = held();
    const said = Array.from({ length: 20 }, (_, i) => ask(`guess ${i}`));
    // One is at work, sixteen wait.
    expect(said.filter((answer) => answer === 'busy').length).toBe(3);
    expect(ask('mine', { client: 'other' })).toBeNull();
    expect(ask('mine', { client: 'c', group: 'other', list: 'other' })).toBeNull();
    for (let i = 0; i < 3; i++) thread.answer(false);
    // Nobody waited for the guesses.
    expect(thread.asked.slice(0, 4)).toContain('mine');
    expect(checker.pending).toBe(16);
  });

  it('are bounded in number by Secret and in all', () => {
    const { ask } = held();
    let busy = 0;
    for (let group = 0; group < 6; group++)
      for (let client = 0; client < 300; client++)
        if (ask(`${group} ${client}`, { group: `g${group}`, client: `c${client}` }) === 'busy') busy++;
    expect(busy).toBe(1800 - 1025);
  });
});

describe('what cannot be found out', () => {
  it('lets nobody in, and is not remembered', () => {
    const { thread, answers, ask } = held();
    ask('secret');
    thread.answer(null);
    expect([answers, ask('secret')]).toEqual([['failed'], null]);
  });

  it('is answered when everything ends', () => {
    const { thread, checker, answers, ask } = held();
    ask('a');
    ask('b');
    checker.close();
    expect([answers, thread.closed]).toEqual([['failed', 'failed'], true]);
  });

  it('a thread that dies says so, and the next question has another', async () => {
    const started: Worker[] = [];
    const thread = new OwnHashThread((file, options) => {
      const worker = new Worker(file, options);
      started.push(worker);
      return worker;
    });
    const check = (): Promise<boolean | null> => new Promise((resolve) => thread.check(Buffer.from('secret'), SLOW, resolve));
    try {
      expect(await check()).toBe(true);
      const lost = check();
      void started[0]!.terminate();
      expect([true, null]).toContain(await lost);
      expect([await check(), started.length]).toEqual([true, 2]);
    } finally {
      thread.close();
    }
  });
});

describe('a fair queue', () => {
  it('takes groups in turn, and members of a group', () => {
    const queue = new FairQueue<string>({ total: 100, perGroup: 100, perMember: 100 });
    for (const item of ['a1', 'a1', 'a1', 'a2', 'b1']) queue.push(item[0]!, item[1]!, item);
    const order = [];
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) order.push(item);
    expect([order, queue.size]).toEqual([['a1', 'b1', 'a2', 'a1', 'a1'], 0]);
  });

  it('takes no more than its limits', () => {
    const queue = new FairQueue<number>({ total: 3, perGroup: 2, perMember: 1 });
    const pushes = [
      ['a', '1'],
      ['a', '1'],
      ['a', '2'],
      ['a', '3'],
      ['b', '1'],
      ['c', '1'],
    ] as const;
    expect(pushes.map(([group, member], i) => queue.push(group, member, i))).toEqual([true, false, true, false, true, false]);
  });
});
