import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer } from '../../../src/cluster/embedded/api/server.ts';
import type { ApiServer } from '../../../src/cluster/embedded/api/server.ts';
import type { StoredObject } from '../../../src/cluster/embedded/api/storage.ts';
import { Kubectl } from '../../support/kubectl.ts';

let server: ApiServer;
let kubectl: Kubectl;
beforeAll(async () => {
  server = await startApiServer({ port: 0 });
  kubectl = await Kubectl.create(server.kubeconfig());
});
afterAll(async () => {
  await kubectl.close();
  await server.close();
});

/** The words of a table, line by line. */
const words = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));

async function json(line: string): Promise<Record<string, unknown>> {
  return JSON.parse(await kubectl.run(`${line} -o json`)) as Record<string, unknown>;
}

const manifest = (image: string, replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "${image}", ports: [{containerPort: 80}], env: [{name: "A", value: "1"}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default}
spec:
  ingressClassName: nginx
  tls: [{hosts: [web.example.com], secretName: web}]
  rules:
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`;

const service = (port: number): string => `
apiVersion: v1
kind: Service
metadata: {name: ssa}
spec: {selector: {app: web}, ports: [{name: http, port: ${port}}]}
`;

describe('apply', () => {
  it('creates, changes by a strategic merge patch, and sees when there is nothing to do', async () => {
    expect(await kubectl.run('apply -f -', manifest('web:1', 2))).toBe(
      'deployment.apps/web created\ningress.networking.k8s.io/web created\n',
    );
    expect(await kubectl.run('apply -f -', manifest('web:1', 2))).toBe(
      'deployment.apps/web unchanged\ningress.networking.k8s.io/web unchanged\n',
    );
    expect(await kubectl.run('apply -f -', manifest('web:2', 2))).toBe(
      'deployment.apps/web configured\ningress.networking.k8s.io/web unchanged\n',
    );
    expect(await json('get deployment web')).toMatchObject({
      metadata: { generation: 2 },
      spec: {
        template: {
          spec: {
            containers: [{ name: 'web', image: 'web:2', env: [{ name: 'A', value: '1' }], imagePullPolicy: 'IfNotPresent' }],
          },
        },
      },
    });
  });

  it('removes what is no more in the manifest', async () => {
    await kubectl.run('apply -f -', manifest('web:2', 2).replace(', env: [{name: "A", value: "1"}]', ''));
    expect(JSON.stringify(await json('get deployment web'))).not.toMatch(/"env":/);
  });

  it('on the server: owns fields, conflicts, and forces', async () => {
    expect(await kubectl.run('apply --server-side -f -', service(80))).toBe('service/ssa serverside-applied\n');
    expect(await kubectl.run('apply --server-side -f -', service(81))).toBe('service/ssa serverside-applied\n');
    expect(await json('get service ssa')).toMatchObject({
      spec: { ports: [{ name: 'http', port: 81, protocol: 'TCP', targetPort: 81 }] },
    });
    const other = await kubectl.try(
      ['apply', '--server-side', '--field-manager=other', '-f', '-'],
      service(81).replace('app: web', 'app: other'),
    );
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.selector');
    await kubectl.run(
      'apply --server-side --field-manager=other --force-conflicts -f -',
      service(81).replace('app: web', 'app: other'),
    );
    expect(await json('get service ssa')).toMatchObject({ spec: { selector: { app: 'other' } } });
  });

  it('takes over on the server what was applied by the client', async () => {
    expect(await kubectl.run('apply --server-side --force-conflicts -f -', manifest('web:3', 2))).toContain(
      'deployment.apps/web serverside-applied',
    );
  });

  it('says what is wrong with a manifest, and changes nothing', async () => {
    const unknown = await kubectl.try(['apply', '-f', '-'], manifest('web:3', 2).replace('ingressClassName', 'ingressKlass'));
    expect(unknown.stderr).toContain('strict decoding error: unknown field "spec.ingressKlass"');
    const relative = await kubectl.try(['apply', '-f', '-'], manifest('web:3', 2).replace('path: /,', 'path: x,'));
    expect(relative.stderr).toContain(
      'The Ingress "web" is invalid: spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
    );
    const warned = await kubectl.try(
      ['apply', '--validate=warn', '-f', '-'],
      manifest('web:3', 2).replace('ingressClassName: nginx', 'ingressClassName: nginx\n  x: 1'),
    );
    expect(warned.stderr).toContain('Warning: unknown field "spec.x"');
  });

  it('rehearses', async () => {
    const output = await kubectl.run('apply --dry-run=server --server-side --force-conflicts -f -', manifest('web:9', 2));
    expect(output).toContain('deployment.apps/web serverside-applied (server dry run)');
    expect(JSON.stringify(await json('get deployment web'))).toContain('web:3');
  });
});

describe('create', () => {
  it.each<[string, string, string]>([
    ['namespace shop', 'namespace/shop', 'get namespace shop'],
    ['deployment made --image=nginx:1 --replicas=3 --port=80', 'deployment.apps/made', 'get deployment made'],
    ['service clusterip made --tcp=80:8080', 'service/made', 'get service made'],
    ['service loadbalancer lb --tcp=80', 'service/lb', 'get service lb'],
    ['service externalname ext --external-name=example.com', 'service/ext', 'get service ext'],
    ['configmap made --from-literal=a=b', 'configmap/made', 'get configmap made'],
    ['secret generic made --from-literal=a=b', 'secret/made', 'get secret made'],
    [
      'ingress made --class=nginx --rule=made.example.com/*=web:80,tls=made',
      'ingress.networking.k8s.io/made',
      'get ingress made',
    ],
    ['serviceaccount made', 'serviceaccount/made', 'get serviceaccount made'],
    ['role made --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/made', 'get role made'],
    [
      'clusterrolebinding made --clusterrole=x --serviceaccount=default:made',
      'clusterrolebinding.rbac.authorization.k8s.io/made',
      'get clusterrolebinding made',
    ],
    [
      'poddisruptionbudget made --selector=app=web --min-available=1',
      'poddisruptionbudget.policy/made',
      'get poddisruptionbudget made',
    ],
  ])('%s', async (line, created, get) => {
    expect(await kubectl.run(`create ${line}`)).toBe(`${created} created\n`);
    expect(await json(get)).toMatchObject({
      metadata: { name: line.split(' ').find((word) => ['made', 'shop', 'lb', 'ext'].includes(word)) },
    });
  });

  it('sends all fields, also in Protobuf', async () => {
    expect(await json('get deployment made')).toMatchObject({
      metadata: { labels: { app: 'made' } },
      spec: {
        replicas: 3,
        template: {
          spec: { containers: [{ name: 'nginx', image: 'nginx:1', ports: [{ containerPort: 80, protocol: 'TCP' }] }] },
        },
      },
    });
    expect(await json('get service made')).toMatchObject({
      spec: { type: 'ClusterIP', ports: [{ name: '80-8080', port: 80, targetPort: 8080 }] },
    });
    expect(await json('get ingress made')).toMatchObject({
      spec: {
        ingressClassName: 'nginx',
        tls: [{ hosts: ['made.example.com'], secretName: 'made' }],
        rules: [{ host: 'made.example.com', http: { paths: [{ path: '/', pathType: 'Prefix' }] } }],
      },
    });
    expect(await json('get poddisruptionbudget made')).toMatchObject({
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    expect(await json('get configmap made')).toMatchObject({ data: { a: 'b' } });
  });

  it('says what is there already, and what has no namespace', async () => {
    expect((await kubectl.try(['create', 'configmap', 'made'])).stderr).toContain('configmaps "made" already exists');
    expect((await kubectl.try(['create', 'configmap', 'made', '-n', 'nowhere'])).stderr).toContain(
      'namespaces "nowhere" not found',
    );
  });

  it('a TLS Secret from files', async () => {
    const forge = (await import('node-forge')).default;
    const keys = forge.pki.rsa.generateKeyPair({ bits: 1024, e: 0x10001 });
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = keys.publicKey;
    certificate.setSubject([{ name: 'commonName', value: 'example.com' }]);
    certificate.sign(keys.privateKey, forge.md.sha256.create());
    const [cert, key] = [join(kubectl.directory, 'tls.crt'), join(kubectl.directory, 'tls.key')];
    await writeFile(cert, forge.pki.certificateToPem(certificate));
    await writeFile(key, forge.pki.privateKeyToPem(keys.privateKey));
    expect(await kubectl.run(`create secret tls tls --cert=${cert} --key=${key}`)).toBe('secret/tls created\n');
    const secret = server.storage.resource('v1', 'secrets').get('default', 'tls');
    expect(secret?.['type']).toBe('kubernetes.io/tls');
    const data = secret?.['data'] as Record<string, string>;
    expect(Buffer.from(data['tls.crt'] ?? '', 'base64').toString()).toContain('BEGIN CERTIFICATE');
  });
});

describe('get', () => {
  it('prints the columns of each kind', async () => {
    const ingress = words(await kubectl.run('get ingress web'));
    expect(ingress[0]).toEqual(['NAME', 'CLASS', 'HOSTS', 'ADDRESS', 'PORTS', 'AGE']);
    expect(ingress[1]?.slice(0, 4)).toEqual(['web', 'nginx', 'web.example.com', '80, 443']);
    expect(words(await kubectl.run('get service made'))[1]?.slice(0, 5)).toEqual([
      'made',
      'ClusterIP',
      '<none>',
      '<none>',
      '80/TCP',
    ]);
    expect(words(await kubectl.run('get deployment made -o wide'))[0]).toEqual([
      'NAME',
      'READY',
      'UP-TO-DATE',
      'AVAILABLE',
      'AGE',
      'CONTAINERS',
      'IMAGES',
      'SELECTOR',
    ]);
    expect(words(await kubectl.run('get nodes'))[1]?.slice(0, 4)).toEqual([
      'embedded',
      'Ready',
      'control-plane',
      expect.stringMatching(/^\d+s$/),
    ]);
    expect(words(await kubectl.run('get secret made'))[1]?.slice(0, 3)).toEqual(['made', 'Opaque', '1']);
  });

  it('prints other forms, and several kinds', async () => {
    expect(await kubectl.run('get ingress web -o name')).toBe('ingress.networking.k8s.io/web\n');
    expect(await kubectl.run('get ingress web -o yaml')).toContain('  ingressClassName: nginx\n');
    expect(await kubectl.run('get ingress web -o jsonpath={.spec.rules[0].host}')).toBe('web.example.com');
    expect(await kubectl.run('get all')).toMatch(/service\/made[^]*deployment\.apps\/made/);
    expect(await kubectl.run('get ingress,service -A -l nothing=here')).toBe('');
    expect((await kubectl.try(['get', 'ingress', 'none'])).stderr).toBe(
      'Error from server (NotFound): ingresses.networking.k8s.io "none" not found\n',
    );
  });

  it('watches', async () => {
    const watching = kubectl.start('get configmaps -n shop -w --output-watch-events');
    await expect.poll(() => server.faults.watches({ namespace: 'shop' }).length).toBe(1);
    await kubectl.run('create configmap seen -n shop --from-literal=a=b');
    await kubectl.run('delete configmap seen -n shop');
    const lines = [await watching.line(), await watching.line(), await watching.line()];
    expect(lines.map((line) => line.trim().split(/\s+/).slice(0, 3))).toEqual([
      ['EVENT', 'NAME', 'DATA'],
      ['ADDED', 'seen', '1'],
      ['DELETED', 'seen', '1'],
    ]);
    await watching.stop();
  });
});

describe('descriptions', () => {
  it('explains an Ingress with its endpoints and events', async () => {
    const created = server.storage.resource('networking.k8s.io/v1', 'ingresses').get('default', 'web') as StoredObject;
    server.storage.resource('discovery.k8s.io/v1', 'endpointslices').create('default', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080 }],
      endpoints: [{ addresses: ['127.0.0.9'], conditions: { ready: true } }],
    });
    await kubectl.run('create service clusterip web --tcp=80');
    server.storage.resource('v1', 'events').create('default', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'web.1' },
      involvedObject: {
        kind: 'Ingress',
        namespace: 'default',
        name: 'web',
        uid: created.metadata.uid,
        apiVersion: 'networking.k8s.io/v1',
      },
      reason: 'Sync',
      message: 'Scheduled for sync',
      type: 'Normal',
      source: { component: 'test' },
      count: 1,
    });
    const text = await kubectl.run('describe ingress web');
    expect(text).toMatch(/web\.example\.com\s*\n?\s+\/\s+web:80/);
    expect(text).toContain('Scheduled for sync');
    expect(await kubectl.run('events')).toContain('Scheduled for sync');
  });

  it.each([
    ['service made', /TargetPort:\s+8080\/TCP/],
    ['deployment made', /Replicas:\s+3 desired/],
    ['node embedded', /Kubelet Version:\s+v1\.35/],
    ['secret tls', /tls\.key:\s+\d+ bytes/],
    ['configmap made', /a:\n----\nb/],
    ['namespace shop', /Status:\s+Active/],
  ])('%s', async (what, expected) => {
    expect(await kubectl.run(`describe ${what}`)).toMatch(expected);
  });
});

const patch = async (type: string, body: string): Promise<void> => {
  const result = await kubectl.try(['patch', 'deployment', 'made', `--type=${type}`, '-p', body]);
  expect(result.stderr + result.stdout).toBe('deployment.apps/made patched\n');
};

describe('changing', () => {
  it('patch, of every type', async () => {
    await patch('json', '[{"op":"replace","path":"/spec/replicas","value":1}]');
    await patch('merge', '{"metadata":{"labels":{"merged":"yes"}}}');
    await patch('strategic', '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}');
    expect(await json('get deployment made')).toMatchObject({
      metadata: { labels: { app: 'made', merged: 'yes' } },
      spec: { replicas: 1, template: { spec: { containers: [{ name: 'side' }, { name: 'nginx' }] } } },
    });
  });

  it('scale, label, annotate, set image, replace', async () => {
    expect(await kubectl.run('scale deployment made --replicas=4')).toBe('deployment.apps/made scaled\n');
    expect((await kubectl.try(['scale', 'deployment', 'made', '--current-replicas=9', '--replicas=1'])).stderr).toContain(
      'Expected replicas to be 9, was 4',
    );
    await kubectl.run('label deployment made tier=front');
    await kubectl.run('annotate deployment made note=hello');
    await kubectl.run('set image deployment/made nginx=nginx:2');
    const object = await json('get deployment made');
    expect(object).toMatchObject({
      metadata: { labels: { tier: 'front' }, annotations: { note: 'hello' } },
      spec: { replicas: 4 },
    });
    expect(JSON.stringify(object)).toContain('nginx:2');
    const replaced = { ...object, metadata: { name: 'made', namespace: 'default', labels: { only: 'this' } } };
    expect(await kubectl.run('replace -f -', JSON.stringify(replaced))).toBe('deployment.apps/made replaced\n');
    expect(await json('get deployment made')).toMatchObject({ metadata: { labels: { only: 'this' } } });
  });

  it('rollout restart and status', async () => {
    expect(await kubectl.run('rollout restart deployment made')).toBe('deployment.apps/made restarted\n');
    const deployments = server.storage.resource('apps/v1', 'deployments');
    expect(JSON.stringify(deployments.get('default', 'made')?.['spec'])).toContain('kubectl.kubernetes.io/restartedAt');
    const waiting = kubectl.start('rollout status deployment made');
    expect(await waiting.line()).toContain('Waiting for deployment spec update to be observed');
    deployments.update(
      'default',
      'made',
      (object) => {
        const { generation } = object.metadata;
        object['status'] = {
          observedGeneration: generation,
          replicas: 4,
          updatedReplicas: 4,
          readyReplicas: 4,
          availableReplicas: 4,
        };
      },
      'status',
    );
    let line = await waiting.line();
    while (line.startsWith('Waiting')) line = await waiting.line();
    expect(line).toBe('deployment "made" successfully rolled out');
  });

  it('wait for a condition', async () => {
    const waiting = kubectl.run('wait --for=jsonpath={.data.done}=yes configmap/made --timeout=20s');
    await expect.poll(() => server.faults.watches({ resource: 'configmaps' }).length).toBe(1);
    await kubectl.run('patch configmap made -p {"data":{"done":"yes"}}');
    expect(await waiting).toBe('configmap/made condition met\n');
  });
});

describe('delete', () => {
  it('waits until the object is gone', async () => {
    server.storage
      .resource('v1', 'configmaps')
      .create('default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } });
    const deleting = kubectl.run('delete configmap held');
    await expect.poll(() => server.faults.watches({ resource: 'configmaps' }).length).toBe(1);
    server.storage.resource('v1', 'configmaps').update('default', 'held', (object) => {
      delete object.metadata.finalizers;
    });
    expect(await deleting).toBe('configmap "held" deleted from default namespace\n');
  });

  it('leaves dependents, or takes them first, as it is told', async () => {
    const maps = server.storage.resource('v1', 'configmaps');
    const family = (name: string): void => {
      const owner = maps.create('default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid: owner.metadata.uid }];
      maps.create('default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-child`, ownerReferences } });
    };
    family('orphan');
    await kubectl.run('delete configmap orphan --cascade=orphan');
    expect(maps.get('default', 'orphan-child')?.metadata.ownerReferences).toBeUndefined();
    family('first');
    await kubectl.run('delete configmap first --cascade=foreground');
    expect([maps.get('default', 'first'), maps.get('default', 'first-child')]).toEqual([undefined, undefined]);
    family('plain');
    await kubectl.run('delete configmap plain');
    expect(maps.get('default', 'plain-child')).toBeUndefined();
  });

  it('a Pod, whose end its node tells', async () => {
    const pods = server.storage.resource('v1', 'pods');
    const spec = { nodeName: 'embedded', containers: [{ name: 'a', image: 'a' }] };
    pods.create('default', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ending' }, spec });
    const deleting = kubectl.run('delete pod ending --grace-period=5');
    await expect.poll(() => pods.get('default', 'ending')?.metadata.deletionGracePeriodSeconds).toBe(5);
    expect(words(await kubectl.run('get pod ending'))[1]?.slice(0, 3)).toEqual(['ending', '0/1', 'Terminating']);
    pods.delete('default', 'ending', { gracePeriodSeconds: 0 });
    expect(await deleting).toContain('pod "ending" deleted');
  });

  it('a namespace with all that is in it', async () => {
    await kubectl.run('create configmap inside -n shop');
    expect(await kubectl.run('delete namespace shop')).toBe('namespace "shop" deleted\n');
    expect(server.storage.resource('v1', 'configmaps').list('shop')).toEqual([]);
  });

  it('several at once', async () => {
    await kubectl.run('delete ingress --all');
    expect(server.storage.resource('networking.k8s.io/v1', 'ingresses').list()).toEqual([]);
  });
});

describe('definitions', () => {
  const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer, description: How big.}}}}}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
`;
  it('bring resources that behave as all others', async () => {
    await kubectl.run('apply -f -', definition);
    await kubectl.run('wait --for=condition=established crd/widgets.example.com --timeout=5s');
    const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n';
    expect(await kubectl.run('apply -f -', widget)).toBe('widget.example.com/w created\n');
    expect(await kubectl.run('apply -f -', widget.replace('3', '4'))).toBe('widget.example.com/w configured\n');
    expect(words(await kubectl.run('get wd'))).toEqual([
      ['NAME', 'SIZE'],
      ['w', '4'],
    ]);
    await kubectl.run('scale wd w --replicas=7');
    expect(await json('get wd w')).toMatchObject({ spec: { size: 7 } });
    expect(await kubectl.run('explain widget.spec.size')).toContain('How big.');
    await kubectl.run('delete -f -', definition);
    expect((await kubectl.try(['get', 'widgets.example.com'])).code).toBe(1);
  });

  it('of MetalLB are there', async () => {
    await kubectl.run(
      'apply -f -',
      'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: pool, namespace: kube-system}\nspec: {addresses: [127.0.10.0/24]}\n',
    );
    expect(await kubectl.run('get ipaddresspools -A')).toContain('127.0.10.0/24');
  });
});

describe('the server itself', () => {
  it.each([
    ['version', /Server Version: v1\.35/],
    ['cluster-info', /is running at/],
    ['api-resources', /ingresses\s+ing\s+networking\.k8s\.io\/v1\s+true\s+Ingress/],
    ['api-versions', /discovery\.k8s\.io\/v1/],
    ['auth can-i create pods', /^yes/],
    ['auth whoami', /kubernetes-admin/],
    ['explain ingress.spec.rules', /http\t<V1HTTPIngressRuleValue>/],
    ['get --raw /readyz', /^ok$/],
  ])('%s', async (line, expected) => {
    expect(await kubectl.run(line)).toMatch(expected);
  });
});

it.each([
  ['logs', ['logs', 'alone']],
  ['exec', ['exec', 'alone', '--', 'ls']],
  ['port-forward', ['port-forward', 'alone', '18080:8080']],
])('kubectl %s is told that there are no containers', async (_, line) => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec: {containers: [{name: a, image: a}]}\n';
  await kubectl.run('apply -f -', pod);
  server.storage.resource('v1', 'pods').update(
    'default',
    'alone',
    (object) => {
      object['status'] = { phase: 'Running' };
    },
    'status',
  );
  const { code, stderr } = await kubectl.try(line);
  expect(code).toBe(1);
  expect(stderr).toContain('the embedded cluster has no containers');
});
