/** The long version of shutdown.test.ts. */
import { describe, it } from 'vitest';
import { replaceReplicas, terminateUnderLoad } from './shutdown.ts';

describe('E1 SIGTERM under load', () => {
  it('E1: again and again', async () => {
    for (let i = 0; i < 5; i++) await terminateUnderLoad(64);
  });
});

describe('E2 a rolling restart of two replicas', () => {
  it('E2: ten times', () => replaceReplicas(10));
});
