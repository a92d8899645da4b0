import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { exitOnBugs, stopSignal } from '../../src/commands/process-life.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';

function fakeProcess() {
  const emitter = new EventEmitter();
  const exits: number[] = [];
  return { emitter, exits, events: { on: emitter.on.bind(emitter), exit: (code: number) => exits.push(code) } };
}

describe('stopSignal', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('resolves with the first %s and exits with %d at the second', async (signal, code) => {
    const { emitter, exits, events } = fakeProcess();
    const stopped = stopSignal(events, SILENT_LOG);
    emitter.emit(signal);
    expect(await stopped).toBe(signal);
    expect(exits).toEqual([]);
    emitter.emit(signal);
    expect(exits).toEqual([code]);
  });
});

describe('exitOnBugs', () => {
  it.each(['uncaughtException', 'unhandledRejection'])('exits with 1 on %s', (event) => {
    const { emitter, exits, events } = fakeProcess();
    exitOnBugs(events, SILENT_LOG);
    emitter.emit(event, new Error('a bug'));
    expect(exits).toEqual([1]);
  });
});
