import { describe, expect, it } from 'vitest';
import { EVENTS, LEASES as LEASE, type Resource, RESOURCES } from '../../src/cluster/resources.ts';
import { parseFlags } from '../../src/settings/parse.ts';
import { lintChart, type Manifest, manifestsOf, named, ofKind, renderChart } from '../support/chart.ts';

/** Value sets that each turn on another part of the chart. */
const VALUE_SETS: readonly (readonly [string, object])[] = [
  ['defaults', {}],
  ['one replica', { controller: { replicaCount: 1 } }],
  ['one namespace', { controller: { scope: { enabled: true, namespace: 'shop' } } }],
  ['namespaces by label', { controller: { scope: { enabled: true, namespaceSelector: 'team in (a, b)' } } }],
  ['node addresses', { controller: { publishService: { enabled: false }, service: { enabled: false } } }],
  ['node network', { controller: { hostNetwork: true, containerPort: { http: 8080, https: 8443 } } }],
  [
    'everything',
    {
      commonLabels: { team: 'edge' },
      imagePullSecrets: [{ name: 'pull' }],
      controller: {
        image: { registry: 'images.example.com/edge', digest: `sha256:${'0'.repeat(64)}` },
        config: { 'proxy-body-size': '8m', 'use-forwarded-headers': true, 'keep-alive': 75 },
        addHeaders: { 'X-Team': 'edge' },
        proxySetHeaders: { 'X-Number': 5 },
        allowSnippetAnnotations: true,
        ingressClassResource: { name: 'edge', controllerValue: 'example.com/edge', default: true, annotations: { a: 'b' } },
        ingressClassByName: true,
        watchIngressWithoutClass: true,
        extraArgs: { 'default-ssl-certificate': 'default/wildcard', 'election-ttl': '10s', 'disable-catch-all': true },
        extraEnvs: [{ name: 'TZ', value: 'UTC' }],
        extraVolumes: [{ name: 'x', emptyDir: {} }],
        extraVolumeMounts: [{ name: 'x', mountPath: '/x' }],
        podAnnotations: { a: 'b' },
        podLabels: { c: 'd' },
        tolerations: [{ operator: 'Exists' }],
        affinity: { nodeAffinity: {} },
        priorityClassName: 'system-cluster-critical',
        metrics: { service: { enabled: true, annotations: { 'prometheus.io/scrape': 'true' } } },
        service: {
          annotations: { 'metallb.io/address-pool': 'public' },
          loadBalancerClass: 'metallb.io/metallb',
          loadBalancerSourceRanges: ['10.0.0.0/8'],
          externalTrafficPolicy: 'Local',
          ipFamilyPolicy: 'PreferDualStack',
          ipFamilies: ['IPv4', 'IPv6'],
          nodePorts: { http: 30080, https: 30443 },
        },
      },
      serviceAccount: { annotations: { a: 'b' } },
      tcp: { 5432: 'data/postgres:5432', 9000: 'default/app:http:PROXY:PROXY' },
      udp: { 53: 'kube-system/dns:53' },
      extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' } }],
    },
  ],
];

function podOf(manifests: readonly Manifest[]): Manifest {
  return ofKind(manifests, 'Deployment').spec.template.spec;
}

function containerOf(manifests: readonly Manifest[]): Manifest {
  const [container, ...more] = podOf(manifests).containers;
  expect(more).toEqual([]);
  return container;
}

async function imageOf(image: object): Promise<string> {
  return containerOf(await manifestsOf({ controller: { image } })).image;
}

/** The rules of a role, one line per resource: `get,list,watch networking.k8s.io/ingresses`. */
function grants(role: Manifest): string[] {
  return role.rules
    .flatMap((rule: Manifest) =>
      rule.apiGroups.flatMap((group: string) =>
        rule.resources.map((resource: string) => `${rule.verbs.join()} ${group}/${resource}${rule.resourceNames ?? ''}`),
      ),
    )
    .sort();
}

const READ_OBJECTS = [
  'create,patch /events',
  'get,list,watch /configmaps',
  'get,list,watch /secrets',
  'get,list,watch /services',
  'get,list,watch discovery.k8s.io/endpointslices',
  'get,list,watch networking.k8s.io/ingresses',
  'update networking.k8s.io/ingresses/status',
];
const CLASSES = 'get,list,watch networking.k8s.io/ingressclasses';
const LEASES = ['create coordination.k8s.io/leases', 'get,update coordination.k8s.io/leasesedge-sluice-leader'];

describe.each(VALUE_SETS)('the chart with %s', (_, values) => {
  it('passes helm lint', async () => {
    await expect(lintChart(values)).resolves.toContain('0 chart(s) failed');
  });

  it('passes flags that the controller understands', async () => {
    const [command, ...flags] = containerOf(await manifestsOf(values)).args;
    expect(command).toBe('controller');
    const expanded = flags.map((flag: string) => flag.replace('$(POD_NAMESPACE)', 'ingress'));
    expect(parseFlags(expanded, {}).controller.configMap).toEqual({ namespace: 'ingress', name: 'edge-sluice' });
  });

  it('never runs as root, with a capability or a writable file system', async () => {
    const manifests = await manifestsOf(values);
    expect(podOf(manifests).securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(containerOf(manifests).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });
});

describe('the Deployment', () => {
  it('can bind 80 and 443 by the sysctl, which the network of a node does not take', async () => {
    const own = await manifestsOf({});
    expect(podOf(own).securityContext.sysctls).toEqual([{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }]);
    expect(containerOf(own).ports.map((port: Manifest) => [port.name, port.containerPort])).toEqual([
      ['http', 80],
      ['https', 443],
      ['metrics', 10_254],
    ]);
    const node = await manifestsOf({ controller: { hostNetwork: true } });
    expect(podOf(node)).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
    expect(podOf(node).securityContext.sysctls).toBeUndefined();
  });

  it('is probed where the admin port answers', async () => {
    const container = containerOf(await manifestsOf({}));
    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'metrics' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'metrics' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
    expect(container.args).toContain('--healthz-port=10254');
  });

  it('sleeps before SIGTERM, serves on after it, and has time to drain', async () => {
    const manifests = await manifestsOf({});
    expect(containerOf(manifests).lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
    expect(containerOf(manifests).args).toContain('--shutdown-grace-period=5');
    expect(podOf(manifests).terminationGracePeriodSeconds).toBe(300);
  });

  it('serves on for longer after SIGTERM where the kubelet cannot sleep before it', async () => {
    const controller = { shutdownGracePeriod: 15, lifecycle: { preStop: { sleep: { seconds: 7 } } } };
    const container = containerOf(await manifestsOf({ controller }, '--kube-version=1.29.9'));
    expect(container.lifecycle).toBeUndefined();
    expect(container.args).toContain('--shutdown-grace-period=22');
    const newer = containerOf(await manifestsOf({ controller }, '--kube-version=1.30.0'));
    expect(newer.lifecycle).toEqual(controller.lifecycle);
    expect(newer.args).toContain('--shutdown-grace-period=15');
  });

  it('has other hooks, or none', async () => {
    const exec = { command: ['/bin/true'] };
    const lifecycle = { preStop: { sleep: null, exec }, postStart: { exec } };
    expect(containerOf(await manifestsOf({ controller: { lifecycle } })).lifecycle).toEqual({
      preStop: { exec },
      postStart: { exec },
    });
    for (const without of [null, { preStop: null }, { preStop: { sleep: null } }]) {
      const none = containerOf(await manifestsOf({ controller: { lifecycle: without } }));
      expect(none.lifecycle).toBeUndefined();
      expect(none.args).toContain('--shutdown-grace-period=5');
    }
  });

  it.each(['289', '4m', '4m49s', '4m 49s', '289999ms', 289])('has time for a drain of %s', async (timeout) => {
    const controller = { config: { 'worker-shutdown-timeout': timeout } };
    await expect(renderChart({ controller })).resolves.toContain('terminationGracePeriodSeconds: 300');
  });

  it('never goes below its replicas in a rollout, and spreads them', async () => {
    const { spec } = ofKind(await manifestsOf({}), 'Deployment');
    expect(spec.replicas).toBe(2);
    expect(spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    for (const constraint of spec.template.spec.topologySpreadConstraints) {
      expect(constraint).toMatchObject({ whenUnsatisfiable: 'ScheduleAnyway', labelSelector: spec.selector });
    }
  });

  it('gives Pods labels that no upgrade changes', async () => {
    const { spec } = ofKind(
      await manifestsOf({ commonLabels: { team: 'edge' }, controller: { podLabels: { c: 'd' } } }),
      'Deployment',
    );
    expect(spec.template.metadata.labels).toEqual({ ...spec.selector.matchLabels, c: 'd' });
  });

  it('names the image by registry, tag and digest', async () => {
    expect(await imageOf({})).toBe('sluice:0.1.0');
    expect(await imageOf({ registry: 'images.example.com/edge/', tag: 'v2' })).toBe('images.example.com/edge/sluice:v2');
    expect(await imageOf({ tag: 'v2', digest: `sha256:${'a'.repeat(64)}` })).toBe(`sluice@sha256:${'a'.repeat(64)}`);
  });

  it('tells the controller which ports clients see', async () => {
    const manifests = await manifestsOf({ controller: { containerPort: { http: 8080, https: 8443 } } });
    expect(containerOf(manifests).args).toEqual(
      expect.arrayContaining(['--http-port=8080', '--https-port=8443', '--public-http-port=80', '--public-https-port=443']),
    );
  });
});

function groupAndPlural({ apiVersion, plural }: Resource): string {
  return `${/^(.*)\//.exec(apiVersion)?.[1] ?? ''}/${plural}`;
}

describe('the permissions', () => {
  it('are these and no more', async () => {
    const manifests = await manifestsOf({});
    expect(grants(ofKind(manifests, 'ClusterRole'))).toEqual([...READ_OBJECTS, CLASSES].sort());
    expect(grants(ofKind(manifests, 'Role'))).toEqual([...LEASES, 'get,list /pods'].sort());
  });

  it('grow by namespaces only with a selector', async () => {
    const manifests = await manifestsOf({ controller: { scope: { enabled: true, namespaceSelector: 'a=b' } } });
    expect(grants(ofKind(manifests, 'ClusterRole'))).toEqual([...READ_OBJECTS, CLASSES, 'get,list,watch /namespaces'].sort());
  });

  it('grow by nodes and Pods only where node addresses are the status', async () => {
    const manifests = await manifestsOf({ controller: { publishService: { enabled: false } } });
    expect(grants(ofKind(manifests, 'ClusterRole'))).toEqual([...READ_OBJECTS, CLASSES, 'get,list,watch /nodes'].sort());
    expect(grants(ofKind(manifests, 'Role'))).toEqual([...LEASES, 'get,list,watch /pods'].sort());
    const address = { publishService: { enabled: false }, extraArgs: { 'publish-status-address': '192.0.2.1' } };
    expect(grants(ofKind(await manifestsOf({ controller: address }), 'ClusterRole'))).toEqual(
      [...READ_OBJECTS, CLASSES].sort(),
    );
  });

  it('shrink to one namespace with a scope', async () => {
    const manifests = await manifestsOf({ controller: { scope: { enabled: true, namespace: 'shop' } } });
    expect(grants(ofKind(manifests, 'ClusterRole'))).toEqual([CLASSES]);
    const watched = named(manifests, 'Role', 'edge-sluice-watched');
    expect(watched.metadata.namespace).toBe('shop');
    expect(grants(watched)).toEqual(READ_OBJECTS);
    expect(grants(named(manifests, 'Role', 'edge-sluice'))).toEqual(
      [...LEASES, 'create,patch /events', 'get,list /pods'].sort(),
    );
    expect(grants(named(manifests, 'Role', 'edge-sluice-config'))).toEqual(['get,list,watch /configmapsedge-sluice']);
    expect(grants(named(manifests, 'Role', 'edge-sluice-published'))).toEqual([
      'get,list,watch /servicesedge-sluice',
      'get,list,watch discovery.k8s.io/endpointslices',
    ]);
    expect(containerOf(manifests).args).toContain('--watch-namespace=shop');
  });

  it('name the objects outside the one namespace, and only those', async () => {
    const extraArgs = { 'default-ssl-certificate': 'certs/wildcard', 'default-backend-service': 'shop/fallback' };
    const manifests = await manifestsOf({ controller: { scope: { enabled: true, namespace: 'shop' }, extraArgs } });
    const certificate = named(manifests, 'Role', 'edge-sluice-default-certificate');
    expect(certificate.metadata.namespace).toBe('certs');
    expect(grants(certificate)).toEqual(['get,list,watch /secretswildcard']);
    expect(named(manifests, 'RoleBinding', 'edge-sluice-default-certificate').metadata.namespace).toBe('certs');
    expect(manifests.filter((manifest) => manifest.metadata.name === 'edge-sluice-default-backend')).toEqual([]);
    expect((await manifestsOf({})).filter((manifest) => manifest.kind === 'Role')).toHaveLength(1);
  });

  it('leave out the status when it is not written', async () => {
    const manifests = await manifestsOf({ controller: { extraArgs: { 'update-status': false } } });
    expect(grants(ofKind(manifests, 'ClusterRole')).filter((grant) => grant.includes('status'))).toEqual([]);
    expect(grants(ofKind(manifests, 'Role'))).toEqual(LEASES);
  });

  it('are for the resources that the code knows, every one of them and no other', async () => {
    const wide = [
      {},
      { publishService: { enabled: false } },
      { scope: { enabled: true, namespaceSelector: 'a=b' } },
      { scope: { enabled: true, namespace: 'shop' } },
    ];
    const manifests = await Promise.all(wide.map((controller) => manifestsOf({ controller })));
    const roles = manifests.flat().filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
    const granted = new Set(roles.flatMap(grants).map((grant) => grant.replace(/^\S+ /, '').replace(/edge-sluice.*$/, '')));
    const known = [...Object.values(RESOURCES), LEASE, EVENTS].map(groupAndPlural);
    expect([...granted].sort()).toEqual([...known, 'networking.k8s.io/ingresses/status'].sort());
  });

  it('are bound to the ServiceAccount of the Pods', async () => {
    const manifests = await manifestsOf({});
    const account = ofKind(manifests, 'ServiceAccount').metadata;
    expect(podOf(manifests).serviceAccountName).toBe(account.name);
    for (const [binding, role] of [
      ['ClusterRoleBinding', 'ClusterRole'],
      ['RoleBinding', 'Role'],
    ] as const) {
      const bound = ofKind(manifests, binding);
      expect(bound.subjects).toEqual([{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }]);
      expect(bound.roleRef).toMatchObject({ kind: role, name: ofKind(manifests, role).metadata.name });
    }
  });

  it('are nobody’s without rbac.create', async () => {
    const kinds = (await manifestsOf({ rbac: { create: false } })).map((manifest) => manifest.kind);
    expect(kinds.filter((kind) => String(kind).includes('Role'))).toEqual([]);
  });
});

describe('the other objects', () => {
  it('reach the Pods by the ports they name', async () => {
    const manifests = await manifestsOf({});
    const service = ofKind(manifests, 'Service');
    expect(service.spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' });
    expect(service.spec.ports).toMatchObject([
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'https', port: 443, targetPort: 'https' },
    ]);
    const { spec } = ofKind(manifests, 'Deployment');
    expect(service.spec.selector).toEqual(spec.selector.matchLabels);
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(containerOf(manifests).args).toContain(`--publish-service=$(POD_NAMESPACE)/${service.metadata.name}`);
  });

  it('give the Service what a load balancer asks for', async () => {
    const service = ofKind(
      await manifestsOf({
        controller: {
          service: {
            annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.10' },
            loadBalancerClass: 'metallb.io/metallb',
            externalTrafficPolicy: 'Local',
          },
        },
      }),
      'Service',
    );
    expect(service.metadata.annotations).toEqual({ 'metallb.io/loadBalancerIPs': '192.0.2.10' });
    expect(service.spec).toMatchObject({ loadBalancerClass: 'metallb.io/metallb', externalTrafficPolicy: 'Local' });
  });

  it('have the class of ingress-nginx, or another', async () => {
    const manifests = await manifestsOf({});
    expect(ofKind(manifests, 'IngressClass')).toMatchObject({
      metadata: { name: 'nginx', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'false' } },
      spec: { controller: 'k8s.io/ingress-nginx' },
    });
    const resource = { name: 'edge', controllerValue: 'example.com/edge', default: true };
    const other = await manifestsOf({ controller: { ingressClassResource: resource } });
    expect(ofKind(other, 'IngressClass')).toMatchObject({
      metadata: { name: 'edge', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'example.com/edge' },
    });
    expect(containerOf(other).args).toEqual(
      expect.arrayContaining(['--controller-class=example.com/edge', '--ingress-class=edge']),
    );
  });

  it('protect from eviction only where a replica can go', async () => {
    expect(ofKind(await manifestsOf({}), 'PodDisruptionBudget').spec.minAvailable).toBe(1);
    const single = await manifestsOf({ controller: { replicaCount: 1 } });
    expect(single.map((manifest) => manifest.kind)).not.toContain('PodDisruptionBudget');
  });

  it('write every key of the ConfigMap as a string', async () => {
    const config = { 'proxy-body-size': '8m', 'keep-alive': 75, hsts: false };
    const map = ofKind(await manifestsOf({ controller: { config } }), 'ConfigMap');
    expect(map.data).toEqual({ 'proxy-body-size': '8m', 'keep-alive': '75', hsts: 'false' });
  });
});

describe('header fields for all', () => {
  const controller = { addHeaders: { 'X-Team': 'edge' }, proxySetHeaders: { 'X-Number': 5 } };

  it("become ConfigMaps that keys name, as in ingress-nginx's chart, unless other keys are given", async () => {
    const manifests = await manifestsOf({ controller: { ...controller, allowSnippetAnnotations: true } });
    expect(named(manifests, 'ConfigMap', 'edge-sluice').data).toEqual({
      'add-headers': 'ingress/edge-sluice-custom-add-headers',
      'proxy-set-headers': 'ingress/edge-sluice-custom-proxy-headers',
      'allow-snippet-annotations': 'true',
    });
    expect(named(manifests, 'ConfigMap', 'edge-sluice-custom-add-headers').data).toEqual({ 'X-Team': 'edge' });
    expect(named(manifests, 'ConfigMap', 'edge-sluice-custom-proxy-headers').data).toEqual({ 'X-Number': '5' });
    const config = { 'add-headers': 'mine/headers' };
    const others = await manifestsOf({ controller: { ...controller, config } });
    expect(named(others, 'ConfigMap', 'edge-sluice').data).toMatchObject(config);
  });

  it('are allowed to be read when another namespace is watched', async () => {
    const scope = { enabled: true, namespace: 'shop' };
    const config = { 'proxy-set-headers': 'mine/headers' };
    const manifests = await manifestsOf({ controller: { addHeaders: controller.addHeaders, config, scope } });
    const add = named(manifests, 'Role', 'edge-sluice-add-headers');
    expect(grants(add)).toEqual(['get,list,watch /configmapsedge-sluice-custom-add-headers']);
    const set = named(manifests, 'Role', 'edge-sluice-proxy-set-headers');
    expect([set.metadata.namespace, ...grants(set)]).toEqual(['mine', 'get,list,watch /configmapsheaders']);
  });
});

describe('values that cannot be', () => {
  it.each<[string, object, string]>([
    ['an unknown value', { controller: { replicas: 3 } }, 'replicas'],
    ['a value of another type', { controller: { replicaCount: 'two' } }, 'replicaCount'],
    ['a root user', { controller: { image: { runAsUser: 0 } } }, 'runAsUser'],
    [
      'two scopes',
      { controller: { scope: { enabled: true, namespace: 'a', namespaceSelector: 'b=c' } } },
      'exclude each other',
    ],
    ['a scope that is off', { controller: { scope: { namespace: 'a' } } }, 'need controller.scope.enabled'],
    ['a flag of the chart’s own', { controller: { extraArgs: { 'http-port': 8080 } } }, 'the chart sets this flag'],
    [
      'two sources of the status',
      { controller: { extraArgs: { 'publish-status-address': '192.0.2.1' } } },
      'exclude each other',
    ],
    [
      'a status of a Service that is not there',
      { controller: { service: { enabled: false } } },
      'needs controller.service.enabled',
    ],
    ['a drain longer than the grace', { controller: { terminationGracePeriodSeconds: 250 } }, 'must be more than'],
    ...[290, '290', '290s', '5m', '4m50s', '4m 50', '290000ms', '1h', '1d'].map((timeout): [string, object, string] => [
      `a drain longer than the grace by ConfigMap, ${timeout}`,
      { controller: { config: { 'worker-shutdown-timeout': timeout } } },
      'must be more than',
    ]),
    ...['', '5x', '-1s', '1.5h', '5m x', '25d', '999999999999'].map((timeout): [string, object, string] => [
      `a drain that is no time, "${timeout}"`,
      { controller: { config: { 'worker-shutdown-timeout': timeout } } },
      'is not a time of at most 24 days',
    ]),
    [
      'a sleep before SIGTERM longer than the grace',
      { controller: { lifecycle: { preStop: { sleep: { seconds: 55 } } } } },
      'must be more than',
    ],
    [
      'two hooks for one event',
      { controller: { lifecycle: { preStop: { exec: { command: ['/wait-shutdown'] } } } } },
      'exec and sleep',
    ],
    ['a sleep of no time', { controller: { lifecycle: { preStop: { sleep: { seconds: 0 } } } } }, 'seconds'],
    ['nodes that could never be drained', { controller: { minAvailable: 2 } }, 'must be less than'],
    ['one port for both', { controller: { containerPort: { http: 443 } } }, 'must differ'],
    [
      'a load balancer class without one',
      { controller: { service: { type: 'NodePort', loadBalancerClass: 'x' } } },
      'needs controller.service.type',
    ],
  ])('refuses %s', async (_, values, message) => {
    await expect(renderChart(values)).rejects.toThrow(message);
  });
});

describe('TCP and UDP services', () => {
  const values = { tcp: { 5432: 'data/postgres:5432' }, udp: { 53: 'kube-system/dns:53' } };

  it('become ConfigMaps, flags, container ports and Service ports', async () => {
    const manifests = await manifestsOf(values);
    expect(named(manifests, 'ConfigMap', 'edge-sluice-tcp').data).toEqual({ 5432: 'data/postgres:5432' });
    expect(named(manifests, 'ConfigMap', 'edge-sluice-udp').data).toEqual({ 53: 'kube-system/dns:53' });
    const container = containerOf(manifests);
    expect(container.args).toContain('--tcp-services-configmap=$(POD_NAMESPACE)/edge-sluice-tcp');
    expect(container.args).toContain('--udp-services-configmap=$(POD_NAMESPACE)/edge-sluice-udp');
    expect(container.ports.slice(3)).toEqual([
      { name: '5432-tcp', containerPort: 5432, protocol: 'TCP' },
      { name: '53-udp', containerPort: 53, protocol: 'UDP' },
    ]);
    expect(named(manifests, 'Service', 'edge-sluice').spec.ports.slice(2)).toEqual([
      { name: '5432-tcp', port: 5432, targetPort: '5432-tcp', protocol: 'TCP' },
      { name: '53-udp', port: 53, targetPort: '53-udp', protocol: 'UDP' },
    ]);
  });

  it('are allowed to be read when another namespace is watched', async () => {
    const manifests = await manifestsOf({ ...values, controller: { scope: { enabled: true, namespace: 'shop' } } });
    expect(grants(named(manifests, 'Role', 'edge-sluice-tcp'))).toEqual(['get,list,watch /configmapsedge-sluice-tcp']);
    expect(grants(named(manifests, 'Role', 'edge-sluice-udp'))).toEqual(['get,list,watch /configmapsedge-sluice-udp']);
  });

  it('leave no trace when there are none, and cannot have a port that is taken or none', async () => {
    expect(await renderChart({})).not.toMatch(/services-configmap|-tcp|-udp/);
    await expect(renderChart({ tcp: { 443: 'a/b:1' } })).rejects.toThrow('tcp.443: the controller has this port already');
    await expect(renderChart({ udp: { dns: 'a/b:1' } })).rejects.toThrow('udp.dns: not a port');
    await expect(renderChart({ udp: { 53: 'a/b:1:PROXY' } })).rejects.toThrow('udp');
  });
});
