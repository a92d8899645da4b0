/** The ConfigMap, through the whole chain: there at the start, changed while running, wrong, and gone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedCluster } from '../../src/cluster/embedded/embedded.ts';
import { Chain, startCluster } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { ingress } from '../support/manifests.ts';
import { exchange } from '../support/raw-client.ts';

let cluster: EmbeddedCluster;
let chain: Chain;

const configMap = (data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sluice', namespace: 'default' },
  data,
});

beforeAll(async () => {
  cluster = await startCluster();
  cluster.apply([configMap({ 'proxy-body-size': '10', 'hsts-max-age': '7' })]);
  chain = await Chain.start({ cluster, flags: ['--configmap=default/sluice'] });
  await chain.listening();
  chain.apply(ingress('web', 'web.test Prefix / control'));
  await chain.settled();
});

afterAll(async () => {
  await chain.close();
  await cluster.close();
});

const post = (length: number): Promise<number> =>
  exchange(chain.httpPort, `POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`).then(
    ({ status }) => status,
  );
const security = async (): Promise<unknown> => (await chain.get('https://web.test/')).headers['strict-transport-security'];

describe('the ConfigMap', () => {
  it('holds from the start', async () => {
    expect(await post(10)).toBe(200);
    expect(await post(11)).toBe(413);
    expect(await security()).toBe('max-age=7; includeSubDomains');
  });

  it('holds from its change on, without a connection being closed', async () => {
    chain.apply(configMap({ 'proxy-body-size': '20', hsts: 'false' }));
    await eventually(async () => (await post(11)) === 200);
    expect(await post(21)).toBe(413);
    expect(await security()).toBeUndefined();
  });

  it('with a value that cannot be read keeps the default for that key, and says so', async () => {
    chain.apply(configMap({ 'proxy-body-size': 'much', 'keep-alive': '30', 'hsts-max-age': '9' }));
    await eventually(async () => (await security()) === 'max-age=9; includeSubDomains');
    expect(await post(21)).toBe(200);
    await eventually(async () =>
      (await chain.diagnostics()).some(({ code, field }) => code === 'ConfigKeyInvalid' && field.includes('proxy-body-size')),
    );
  });

  it('that is deleted leaves the defaults', async () => {
    cluster.delete([configMap({})]);
    await eventually(async () => (await security()) === 'max-age=31536000; includeSubDomains');
    expect(chain.alive).toBe(true);
  });
});
