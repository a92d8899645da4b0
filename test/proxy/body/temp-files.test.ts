import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TempFiles, type TempFileSystem } from '../../../src/proxy/body/temp-files.ts';
import { eventually } from '../../support/eventually.ts';

let folder: string;
let failures: string[];
let bugs: unknown[];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'temp-files-'));
  failures = [];
  bugs = [];
});
afterEach(() => {
  expect(fs.readdirSync(folder)).toEqual([]);
  expect(bugs).toEqual([]);
  fs.rmdirSync(folder);
});

function tempFiles(system: Partial<TempFileSystem> = {}, maxTempSize = 1_000_000): TempFiles {
  const context = {
    limits: () => ({ tempFolder: folder, maxTempSize }),
    onFailed: ({ code }: NodeJS.ErrnoException) => void failures.push(code ?? ''),
    onBug: (error: unknown) => void bugs.push(error),
    deadlines: { tick: () => undefined },
  };
  return new TempFiles(context, { ...fs, ...system });
}

/** A call of the system that fails with this code. */
function failing(code: string): never {
  return ((...all: unknown[]) => {
    const done = all.at(-1) as (error: Error) => void;
    setImmediate(() => done(Object.assign(new Error(code), { code })));
  }) as never;
}

/** All of a file, read in pieces of so many bytes. */
async function all(file: ReturnType<TempFiles['create']>, most: number): Promise<string> {
  let text = '';
  while (text.length < file.length) {
    const piece = await new Promise<Buffer | null>((resolve) => file.read(text.length, most, resolve));
    text += piece!.toString('latin1');
  }
  return text;
}

const NOBODY = { onWritten: () => undefined };

describe('a temporary file', () => {
  it('gives back what was put into it, written or not yet, and leaves nothing', async () => {
    const files = tempFiles();
    const file = files.create(NOBODY);
    let expected = '';
    for (let i = 0; i < 50; i++) {
      const piece = String(i).repeat(100);
      expected += piece;
      expect(file.append(Buffer.from(piece))).toBe(true);
      if (i % 7 === 0) expect(await all(file, 33)).toBe(expected);
    }
    expect([files.files, files.bytes]).toEqual([1, expected.length]);
    expect(await all(file, 1000)).toBe(expected);
    // It has no name any more.
    await eventually(() => fs.readdirSync(folder).length === 0);
    file.close();
    file.close();
    expect(files.bytes).toBe(0);
    await eventually(() => files.files === 0);
  });

  it('is written on where the system takes only a part', async () => {
    const write = ((fd: number, bytes: Buffer, at: number, length: number, position: number, done: never) =>
      fs.write(fd, bytes, at, Math.min(length, 7), position, done)) as never;
    const files = tempFiles({ write });
    const file = files.create(NOBODY);
    file.append(Buffer.from('abcdefghijklmnopqrstuvwxyz'));
    file.append(Buffer.from('0123456789'));
    expect(await all(file, 5)).toBe('abcdefghijklmnopqrstuvwxyz0123456789');
    file.close();
    await eventually(() => files.files === 0);
  });

  it('tells who puts more into it than is written to wait', async () => {
    let written = 0;
    const files = tempFiles();
    const file = files.create({ onWritten: () => written++ });
    while (!file.full) file.append(Buffer.alloc(50_000));
    expect(file.length).toBeGreaterThan(262_144);
    await eventually(() => written === 1);
    expect(file.full).toBe(false);
    file.close();
    await eventually(() => files.files === 0);
  });

  it('is bounded together with the others, and what is closed makes room', async () => {
    const files = tempFiles({}, 1000);
    const [one, two] = [files.create(NOBODY), files.create(NOBODY)];
    expect([one.append(Buffer.alloc(600)), two.append(Buffer.alloc(401)), two.append(Buffer.alloc(400))]).toEqual([
      true,
      false,
      true,
    ]);
    expect([two.error, files.bytes]).toEqual([null, 1000]);
    one.close();
    expect(two.append(Buffer.alloc(600))).toBe(true);
    two.close();
    await eventually(() => files.files === 0);
  });

  it.each([
    ['open', 'EACCES'],
    ['write', 'ENOSPC'],
  ] as const)('takes no more when %s fails with %s; what it took can be read', async (call, code) => {
    let written = 0;
    const files = tempFiles({ [call]: failing(code) });
    const file = files.create({ onWritten: () => written++ });
    while (!file.full) file.append(Buffer.from('x'.repeat(50_000)));
    await eventually(() => file.error !== null);
    expect([file.error?.code, file.append(Buffer.from('y')), failures, written]).toEqual([code, false, [code], 1]);
    expect(await all(file, 65_536)).toBe('x'.repeat(file.length));
    file.close();
    await eventually(() => files.files === 0);
    expect(files.bytes).toBe(0);
  });

  it('says that it has lost what the disk does not give back', async () => {
    const files = tempFiles({ read: failing('EIO') });
    const file = files.create(NOBODY);
    file.append(Buffer.from('abc'));
    const read = (): Promise<Buffer | null> => new Promise((resolve) => file.read(0, 10, resolve));
    await eventually(async () => (await read()) === null);
    expect(failures).toEqual(['EIO']);
    file.close();
    await eventually(() => files.files === 0);
  });

  it('closed in the middle of everything is closed for good, once the system has returned', async () => {
    const files = tempFiles();
    for (let i = 0; i < 20; i++) {
      const file = files.create({ onWritten: () => bugs.push('told') });
      file.append(Buffer.alloc(300_000 / 20));
      if (i % 3 === 0) await new Promise(setImmediate);
      file.close();
    }
    await eventually(() => files.files === 0);
    expect(files.bytes).toBe(0);
  });
});
