import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../src/cluster/embedded/api/server.ts';
import { manifestsOf, renderChart } from '../support/chart.ts';
import { kubectlPath } from '../support/tools.ts';

describe('helm template | kubectl apply --dry-run=server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-chart-'));
  const kubeconfig = join(directory, 'kubeconfig');
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer({ port: 0 });
    writeFileSync(kubeconfig, server.kubeconfig());
    await kubectl(['create', 'namespace', 'ingress']);
    await kubectl(['create', 'namespace', 'shop']);
  });

  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function kubectl(args: readonly string[], input = ''): Promise<string> {
    // Its cache of the discovery goes to the home directory.
    const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory };
    const child = promisify(execFile)(await kubectlPath(), args, { env });
    child.child.stdin?.end(input);
    return (await child).stdout;
  }

  it.each<[string, object]>([
    ['defaults', {}],
    [
      'a scope, a load balancer class and more',
      {
        controller: {
          scope: { enabled: true, namespace: 'shop' },
          config: { 'proxy-body-size': '8m' },
          metrics: { service: { enabled: true } },
          service: {
            loadBalancerClass: 'metallb.io/metallb',
            externalTrafficPolicy: 'Local',
            loadBalancerSourceRanges: ['10.0.0.0/8'],
          },
        },
      },
    ],
    [
      'node addresses',
      { controller: { publishService: { enabled: false }, service: { type: 'NodePort', nodePorts: { http: 30080 } } } },
    ],
  ])('takes the chart with %s', async (_, values) => {
    const output = await kubectl(['apply', '--dry-run=server', '--filename', '-'], await renderChart(values));
    const lines = output.trim().split('\n');
    expect(lines).toHaveLength((await manifestsOf(values)).length);
    expect(lines.filter((line) => !line.endsWith('created (server dry run)'))).toEqual([]);
    expect(await kubectl(['get', 'deployments', '--all-namespaces', '--output', 'name'])).toBe('');
  });

  it('is a check: the server refuses what it does not know', async () => {
    const broken = (await renderChart({})).replace('terminationGracePeriodSeconds:', 'terminationGracePeriod:');
    await expect(kubectl(['apply', '--dry-run=server', '--filename', '-'], broken)).rejects.toThrow('terminationGracePeriod');
  });
});
