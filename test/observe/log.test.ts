import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../../src/observe/log.ts';

function collect(level: LogLevel) {
  const lines: string[] = [];
  const log = createLogger(level, { write: (line) => lines.push(line) });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  it('writes one JSON object a line with level, time, fields and message', () => {
    const { log, lines, parsed } = collect('info');
    log.info({ ingress: 'default/web', count: 2 }, 'published');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/u);
    expect(parsed()[0]).toMatchObject({ level: 'info', ingress: 'default/web', count: 2, message: 'published' });
    expect(Date.parse(String(parsed()[0]?.['time']))).not.toBeNaN();
  });

  it('leaves out what is less severe than the level', () => {
    const { log, parsed } = collect('warn');
    log.debug({}, 'd');
    log.info({}, 'i');
    log.warn({}, 'w');
    log.error({}, 'e');
    expect(parsed().map((line) => line['message'])).toEqual(['w', 'e']);
  });

  it('writes an error with its message and stack', () => {
    const { log, parsed } = collect('info');
    log.error({ error: new TypeError('no such thing') }, 'pass failed');
    expect(parsed()[0]?.['error']).toMatchObject({
      type: 'TypeError',
      message: 'no such thing',
      stack: expect.stringContaining('log.test'),
    });
  });

  it('never throws for fields that cannot be serialised nor for a destination that fails', () => {
    const { log, lines } = collect('info');
    const circular: Record<string, unknown> = { size: 1n };
    circular['self'] = circular;
    expect(() => log.info({ circular }, 'circular')).not.toThrow();
    expect(lines).toHaveLength(1);
    const hostile = {
      get trap(): never {
        throw new Error('trap');
      },
    };
    expect(() => log.info({ hostile }, 'hostile')).not.toThrow();
    expect(() => log.info(hostile, 'hostile')).not.toThrow();
    const broken = createLogger('info', {
      write: () => {
        throw new Error('disk full');
      },
    });
    expect(() => broken.error({}, 'lost')).not.toThrow();
  });
});
