import { describe, expect, it } from 'vitest';
import { Reporter, SETTLE_MS } from '../../src/controller/report.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { createLogger } from '../../src/observe/log.ts';
import { FakeClock } from '../support/fake-clock.ts';

const object = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'default', name: 'web', uid: 'u1' };
const missing: Diagnostic = {
  code: 'ServiceNotFound',
  severity: 'error',
  object,
  field: 'spec.rules[0].http.paths[0].backend.service.name',
  message: 'Service "shop" does not exist.',
  served: '503 is answered.',
};
const expiring: Diagnostic = {
  ...missing,
  code: 'CertificateExpired',
  severity: 'warning',
  field: 'spec.tls[0]',
  message: 'Expired.',
};

function setUp() {
  const clock = new FakeClock();
  const events: string[] = [];
  const lines: { level: string; code: string }[] = [];
  const present = { value: true };
  const reporter = new Reporter({
    clock,
    log: createLogger('info', { write: (line) => lines.push(JSON.parse(line) as { level: string; code: string }) }),
    exists: () => present.value,
    emit: (ref, type, reason, message) => events.push(`${ref.name} ${type} ${reason} ${message}`),
  });
  return { clock, events, lines, present, reporter };
}

describe('Reporter', () => {
  it('tells of a diagnostic once it has stood for a while, and only once', () => {
    const { clock, events, lines, reporter } = setUp();
    reporter.update([missing]);
    clock.advance(SETTLE_MS - 1);
    expect(events).toEqual([]);
    reporter.update([missing]);
    clock.advance(1);
    const told = `web Warning ServiceNotFound ${missing.field}: ${missing.message} ${missing.served}`;
    expect(events).toEqual([told]);
    expect(lines).toMatchObject([{ level: 'error', code: 'ServiceNotFound', object: 'Ingress default/web' }]);
    for (let i = 0; i < 5; i++) {
      reporter.update([{ ...missing }]);
      clock.advance(SETTLE_MS);
    }
    expect(events).toEqual([told]);
    expect(lines).toHaveLength(1);
  });

  it('writes whole sentences, whatever the diagnostic ends in', () => {
    const { clock, events, reporter } = setUp();
    const endings = [
      ['It is gone', '503 is answered'],
      ['It is gone.', ''],
      ['Is it gone?', '503 is answered.'],
      ['It is cut…', ''],
    ];
    reporter.update(endings.map(([message = '', served = ''], index) => ({ ...missing, field: `f${index}`, message, served })));
    clock.advance(SETTLE_MS);
    expect(events.map((event) => event.replace('web Warning ServiceNotFound ', ''))).toEqual([
      'f0: It is gone. 503 is answered.',
      'f1: It is gone.',
      'f2: Is it gone? 503 is answered.',
      'f3: It is cut…',
    ]);
  });

  it('says nothing of what mends itself in time', () => {
    const { clock, events, lines, reporter } = setUp();
    reporter.update([missing]);
    clock.advance(SETTLE_MS / 2);
    reporter.update([]);
    clock.advance(10 * SETTLE_MS);
    expect([...events, ...lines]).toEqual([]);
  });

  it('tells of each at its own time', () => {
    const { clock, events, reporter } = setUp();
    reporter.update([missing]);
    clock.advance(SETTLE_MS / 2);
    reporter.update([missing, expiring]);
    clock.advance(SETTLE_MS / 2);
    expect(events).toHaveLength(1);
    clock.advance(SETTLE_MS / 2);
    expect(events).toHaveLength(2);
    expect(clock.armed).toBe(0);
  });

  it('tells when it vanishes, and again when it comes back', () => {
    const { clock, events, lines, reporter } = setUp();
    reporter.update([missing]);
    clock.advance(SETTLE_MS);
    reporter.update([]);
    expect(events[1]).toBe(`web Normal Resolved ServiceNotFound no longer the case: ${missing.field}`);
    expect(lines[1]).toMatchObject({ level: 'info', code: 'ServiceNotFound' });
    reporter.update([missing]);
    clock.advance(SETTLE_MS);
    expect(events).toHaveLength(3);
  });

  it('hangs no Event on an object that is gone', () => {
    const { clock, events, present, reporter } = setUp();
    reporter.update([missing]);
    clock.advance(SETTLE_MS);
    present.value = false;
    reporter.update([]);
    expect(events).toHaveLength(1);
  });
});
