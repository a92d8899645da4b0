/**
 * Threat: a replica that is replaced loses requests: connections refused before the load balancer knows, responses cut, processes
 * that end late or never (Pingora's graceful.md: "every request is handled by old or new instance"; reference E1, E2).
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Replicas } from './shutdown.ts';

let replicas: Replicas;

beforeAll(async () => {
  replicas = await Replicas.start(8);
});

afterAll(() => replicas.close());

describe('E1 SIGTERM under load', () => {
  it('E1: no request fails, clients are sent away, a WebSocket is cut at the deadline, and the exit is 0', () =>
    replicas.terminate());
});

describe('E2 a rolling restart', () => {
  it('E2: loses no request', () => replicas.replace());
});
