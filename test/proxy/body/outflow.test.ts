import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outflow } from '../../../src/proxy/body/outflow.ts';
import { TempFiles } from '../../../src/proxy/body/temp-files.ts';
import { Deadlines } from '../../../src/proxy/deadlines.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { proxySettings } from '../../support/proxy.ts';

let now: number;
let deadlines: Deadlines;
let files: TempFiles;
/** What the client got. */
let sent: string;
/** What else happened, in order. */
let log: string[];
/** The client takes no more after so many bytes. */
let takes: number;
let outflow: Outflow;
let maxTempSize: number;

beforeEach(() => {
  now = 0;
  deadlines = new Deadlines(() => now);
  sent = '';
  log = [];
  takes = Infinity;
  maxTempSize = 1_000_000;
  const fail = (error: unknown): void => void log.push(String(error));
  const limits = () => ({ tempFolder: proxySettings().tempFolder, maxTempSize });
  files = new TempFiles({ limits, deadlines, onFailed: fail, onBug: fail });
});
afterEach(async () => {
  outflow.close();
  await eventually(() => files.files === 0);
  expect([files.bytes, deadlines.size]).toEqual([0, 0]);
  deadlines.close();
});

function begin(settings: Partial<ProxySettings>): void {
  const downstream = {
    sendData: (bytes: Buffer, start: number, end: number) => {
      sent += bytes.toString('latin1', start, end);
      if (sent.length >= takes) outflow.block();
    },
    sendEnd: (trailers: string) => void log.push(`end ${trailers}`),
    onBug: (error: unknown) => void log.push(String(error)),
  };
  const tell = (what: string) => () => void log.push(what);
  const owner = {
    downstream,
    onOutflowFull: tell('full'),
    onOutflowRoom: tell('room'),
    onOutflowDone: tell('done'),
    onOutflowLost: tell('lost'),
  };
  outflow = new Outflow(owner, proxySettings(settings), { deadlines, files });
}

function give(text: string): void {
  const bytes = Buffer.from(`..${text}`);
  outflow.sendData(bytes, 2, bytes.length);
  // It may change after the call.
  bytes.fill(0);
}

function pass(milliseconds: number): void {
  for (let rest = milliseconds; rest > 0; rest -= 250) {
    now += Math.min(rest, 250);
    deadlines.check();
  }
}

/** Text in which a piece that is missing, doubled or in the wrong place is seen. */
function text(length: number): string {
  let all = '';
  for (let i = 0; all.length < length; i++) all += `${i},`;
  return all.slice(0, length);
}

describe('limit-rate', () => {
  it('sends so many bytes a second, evenly, and has the backend wait for the rest', () => {
    begin({ limitRate: 1000 });
    give(text(5000));
    expect([sent.length, log]).toEqual([250, ['full']]);
    pass(1000);
    expect(sent.length).toBe(1250);
    pass(2000);
    expect(sent.length).toBe(3250);
    outflow.sendEnd('');
    pass(2000);
    expect([sent, log]).toEqual([text(5000), ['full', 'end ', 'done']]);
  });

  it('after so many bytes', () => {
    begin({ limitRate: 1000, limitRateAfter: 3000 });
    give(text(5000));
    expect(sent.length).toBe(3250);
    pass(1000);
    expect(sent.length).toBe(4250);
  });

  it('what was not used is not lost, and a client that takes nothing gets no more for it than it takes', () => {
    begin({ limitRate: 1000 });
    pass(4000);
    give(text(3000));
    expect(sent.length).toBe(3000);
    takes = 3100;
    give('x'.repeat(5000));
    expect([sent.length >= 3100, log]).toEqual([true, ['full']]);
    const before = sent.length;
    pass(5000);
    expect(sent.length).toBe(before);
    takes = Infinity;
    outflow.unblock();
    expect([sent.length, log]).toEqual([8000, ['full', 'room']]);
  });

  it('lets the backend go on when all was sent', () => {
    begin({ limitRate: 1000 });
    give(text(500));
    give('more');
    expect(log).toEqual(['full']);
    pass(500);
    expect([sent, log]).toEqual([`${text(500)}more`, ['full', 'room']]);
    give('!');
    expect(sent.endsWith('more!')).toBe(true);
  });
});

describe('proxy-buffering', () => {
  const BUFFERS = { responseBuffering: true, responseBuffers: 4, responseBufferSize: 100, maxResponseTempFile: 0 };

  it('what the client takes it gets at once', () => {
    begin(BUFFERS);
    give('a');
    give('b');
    outflow.sendEnd('X: y\r\n');
    expect([sent, log]).toEqual(['ab', ['end X: y\r\n', 'done']]);
  });

  it('holds so many buffers without a file, then the backend waits', () => {
    begin(BUFFERS);
    takes = 1;
    for (let i = 0; i < 5; i++) give(String(i).repeat(100));
    expect([sent.length, log]).toEqual([100, []]);
    give('5'.repeat(100));
    expect(log).toEqual(['full']);
    takes = 350;
    outflow.unblock();
    expect([sent.length, log]).toEqual([400, ['full', 'room']]);
    takes = Infinity;
    outflow.unblock();
    outflow.sendEnd('');
    expect([sent, log.slice(2)]).toEqual([[0, 1, 2, 3, 4, 5].map((i) => String(i).repeat(100)).join(''), ['end ', 'done']]);
  });

  it('holds more in a file, in order, and the backend is done with it meanwhile', async () => {
    begin({ ...BUFFERS, maxResponseTempFile: 100_000 });
    takes = 1;
    const all = text(50_000);
    for (let at = 0; at < all.length; at += 500) give(all.slice(at, at + 500));
    outflow.sendEnd('');
    expect([log, sent.length, files.files]).toEqual([[], 500, 1]);
    for (takes = 10_000; !log.includes('done'); takes += 10_000) {
      outflow.unblock();
      await new Promise(setImmediate);
    }
    expect([sent === all, log]).toEqual([true, ['end ', 'done']]);
  });

  it('with a full file the backend waits; with an empty one it goes on', async () => {
    begin({ ...BUFFERS, maxResponseTempFile: 1000 });
    takes = 1;
    const all = text(3000);
    let at = 0;
    for (; !log.includes('full'); at += 100) give(all.slice(at, at + 100));
    expect(at).toBe(100 + 400 + 1000 + 100);
    takes = Infinity;
    outflow.unblock();
    await eventually(() => log.includes('room'));
    give(all.slice(at));
    outflow.sendEnd('');
    await eventually(() => log.includes('done'));
    expect(sent === all).toBe(true);
  });

  it('what comes behind what the file did not take stays behind it, even if it would fit', async () => {
    begin({ ...BUFFERS, maxResponseTempFile: 1000 });
    takes = 1;
    const all = text(2000);
    const ends = [100, 500, 1450, 1550, 1580, 2000];
    let at = 0;
    for (const end of ends) {
      give(all.slice(at, end));
      at = end;
    }
    outflow.sendEnd('');
    takes = Infinity;
    outflow.unblock();
    await eventually(() => log.includes('done'));
    expect(sent).toBe(all);
  });

  it('without room in files the backend waits as without files', () => {
    maxTempSize = 10;
    begin({ ...BUFFERS, maxResponseTempFile: 100_000 });
    takes = 1;
    for (let i = 0; i < 6; i++) give('x'.repeat(100));
    expect([log, files.files]).toEqual([['full'], 0]);
  });

  it('with a rate holds what the client may not have yet', async () => {
    begin({ ...BUFFERS, maxResponseTempFile: 100_000, limitRate: 1000 });
    const all = text(5000);
    for (let at = 0; at < all.length; at += 500) give(all.slice(at, at + 500));
    outflow.sendEnd('');
    expect([log, sent.length]).toEqual([[], 250]);
    await eventually(() => {
      pass(250);
      return log.includes('done');
    });
    expect(sent === all).toBe(true);
    expect(now).toBeGreaterThanOrEqual(4750);
  });
});
