import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadKubeConfig } from '../../../src/cluster/http/kube-config.ts';

const NOWHERE = { kubeconfig: null, apiserverHost: null, certificateAuthority: null };

afterEach(() => vi.unstubAllEnvs());

describe('the configuration of the cluster', () => {
  it('that is nowhere to be found is an error that says where was looked', () => {
    const home = mkdtempSync(join(tmpdir(), 'sluice-home-'));
    for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']) vi.stubEnv(name, undefined);
    vi.stubEnv('HOME', home);
    try {
      expect(() => loadKubeConfig(NOWHERE)).toThrow('no cluster: not in a Pod, and neither --kubeconfig');
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
