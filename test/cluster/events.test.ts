import { afterEach, describe, expect, it } from 'vitest';
import { createEventRecorder } from '../../src/cluster/events.ts';
import type { EventRecorder, EventToRecord } from '../../src/cluster/events.ts';
import { ManualTiming } from '../support/manual-timing.ts';
import { ScriptedApi, clientOf, failing, keepingLog, until } from '../support/scripted-api.ts';

const EVENTS = '/api/v1/namespaces/default/events';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function scene(): Promise<{ api: ScriptedApi; events: EventRecorder; timing: ManualTiming }> {
  const api = await ScriptedApi.start();
  const timing = new ManualTiming();
  // On the real clock: its deadlines are no timers of the recorder.
  const client = clientOf(api.url);
  const events = createEventRecorder({ client, timing, log: keepingLog(), component: 'sluice', instance: 'pod-1' });
  cleanups.push(async () => {
    await events.stop();
    await client.close();
    await api.close();
  });
  return { api, events, timing };
}

const event = (message: string, name = 'web'): EventToRecord => ({
  object: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'default', name, uid: 'u1' },
  type: 'Warning',
  reason: 'ServiceNotFound',
  message,
});
const methods = (api: ScriptedApi): string[] => api.requests.map(({ method }) => method);

/** Of the first request. */
const bodyOf = (api: ScriptedApi): unknown => api.requests[0]?.body;

describe('the event recorder', () => {
  it('writes an Event as kubectl describe wants it', async () => {
    const { api, events } = await scene();
    events.record(event('no Service "x"'));
    await events.idle();
    const [sent] = api.requests;
    expect(sent?.path).toBe(EVENTS);
    expect(sent?.body).toMatchObject({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: expect.stringMatching(/^web\.[0-9a-f]+$/) as unknown },
      involvedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'default', name: 'web', uid: 'u1' },
      type: 'Warning',
      reason: 'ServiceNotFound',
      message: 'no Service "x"',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'sluice', host: 'pod-1' },
    });
  });

  it('counts up what happens again instead of writing it again', async () => {
    const { api, events, timing } = await scene();
    events.record(event('same'));
    await events.idle();
    timing.advance(60_000);
    events.record(event('same'));
    await events.idle();
    events.record(event('other'));
    await events.idle();
    expect(methods(api)).toEqual(['POST', 'PATCH', 'POST']);
    expect(api.requests[1]?.headers['content-type']).toBe('application/merge-patch+json');
    expect(api.requests[1]?.body).toEqual({ count: 2, lastTimestamp: '2026-01-01T00:01:00Z' });
  });

  it('writes anew what the API server has forgotten', async () => {
    const { api, events } = await scene();
    events.record(event('same'));
    await events.idle();
    const name = (bodyOf(api) as { metadata: { name: string } }).metadata.name;
    api.remove(EVENTS, name);
    events.record(event('same'));
    await events.idle();
    expect(methods(api)).toEqual(['POST', 'PATCH', 'POST']);
    expect(api.requests[2]?.body).toMatchObject({ count: 2 });
  });

  it('holds back a flood on one object, not on another, and counts what it held back', async () => {
    const { api, events, timing } = await scene();
    for (let index = 0; index < 100; index += 1) {
      events.record(event('flood'));
      await events.idle();
    }
    expect(api.requests).toHaveLength(25);
    events.record(event('flood', 'another'));
    await events.idle();
    expect(api.requests).toHaveLength(26);
    timing.advance(300_000);
    events.record(event('flood'));
    await events.idle();
    expect(api.requests).toHaveLength(27);
    expect(api.requests[26]?.body).toMatchObject({ count: 101 });
  });

  it('cuts a message at 1 KiB, between characters', async () => {
    const { api, events } = await scene();
    events.record(event('€'.repeat(1000)));
    await events.idle();
    const { message } = bodyOf(api) as { message: string };
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(message)).toBeGreaterThan(1015);
    expect(message).toMatch(/^€+…$/);
  });

  it('tries again when the API server is in trouble, gives up in the end, and goes on with the next', async () => {
    const { api, events, timing } = await scene();
    api.script(() => true, ...Array.from({ length: 3 }, () => failing(503, 'ServiceUnavailable')));
    events.record(event('lost'));
    events.record(event('kept'));
    for (let tries = 1; tries <= 2; tries += 1) {
      await until(() => api.requests.length === tries && timing.due().length === 1);
      timing.advance(60_000);
    }
    await events.idle();
    expect(api.requests.map(({ body }) => (body as { message: string }).message)).toEqual(['lost', 'lost', 'lost', 'kept']);
  });

  it('does not insist on what is forbidden', async () => {
    const { api, events } = await scene();
    api.script(() => true, failing(403, 'Forbidden'));
    events.record(event('forbidden'));
    await events.idle();
    expect(api.requests).toHaveLength(1);
  });

  it('puts the event on a cluster-scoped object into the namespace default', async () => {
    const { api, events } = await scene();
    const object = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', namespace: '', name: 'sluice' };
    events.record({ ...event('x'), object });
    await events.idle();
    expect(api.requests[0]?.path).toBe(EVENTS);
    expect((bodyOf(api) as { involvedObject: object }).involvedObject).not.toHaveProperty('namespace');
  });
});
