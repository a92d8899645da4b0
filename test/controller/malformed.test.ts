import { expect, it } from 'vitest';
import { malformedDiagnostics } from '../../src/controller/malformed.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { FakeCluster } from '../support/fake-cluster.ts';

it('lists the Services in use once, however many EndpointSlices are malformed: one tenant could hold up every pass', () => {
  const cluster = new FakeCluster();
  for (let index = 0; index < 200; index++) {
    const service = index % 2 === 0 ? 'web' : 'unused';
    const name = `slice-${index}`;
    cluster.put('EndpointSlice', {
      metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': service } },
    });
    cluster.problems.push({ kind: 'EndpointSlice', namespace: 'default', name, problems: ['.endpoints is not an array'] });
  }
  let asked = 0;
  const services = () => {
    asked++;
    return [{ namespace: 'default', name: 'web' }];
  };
  const diagnostics = malformedDiagnostics(cluster, services, DEFAULT_SETTINGS);
  expect(diagnostics).toHaveLength(100);
  expect(asked).toBe(1);
});
