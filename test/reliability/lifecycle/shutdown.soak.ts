/** The long version of shutdown.test.ts. */
import { afterEach, beforeEach, describe, it } from 'vitest';
import { Replicas } from './shutdown.ts';

let replicas: Replicas;

beforeEach(async () => {
  replicas = await Replicas.start(64);
});

afterEach(() => replicas.close());

describe('E1 SIGTERM under load', () => {
  it('E1: with 64 connections', () => replicas.terminate());
});

describe('E2 a rolling restart of two replicas', () => {
  it('E2: ten times', async () => {
    for (let i = 0; i < 20; i++) await replicas.replace();
  });
});
