import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../../../src/cluster/embedded/api/memory-storage.ts';
import { StatusError } from '../../../../src/cluster/embedded/api/status-error.ts';
import type { NewObject, StoredObject } from '../../../../src/cluster/embedded/api/storage.ts';

function newStorage(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.resource('v1', 'namespaces').create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return storage;
}

type Found = [field: string, message: string][];

function causesOf(run: () => unknown): Found {
  try {
    run();
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 422) throw error;
    return (error.details?.causes ?? []).map((cause) => [cause.field, cause.message]);
  }
  return [];
}

function create(apiVersion: string, plural: string, object: object): Found {
  const complete = { apiVersion, kind: 'Any', metadata: { name: 'test' }, ...object };
  return causesOf(() => newStorage().resource(apiVersion, plural).create('default', complete));
}

/** What is wrong with the change of an object that was valid. */
function update(apiVersion: string, plural: string, object: object, mutate: (object: StoredObject) => void): Found {
  const resource = newStorage().resource(apiVersion, plural);
  resource.create('default', { apiVersion, kind: 'Any', metadata: { name: 'test' }, ...object });
  return causesOf(() => resource.update('default', 'test', mutate));
}

const SUBDOMAIN = expect.stringContaining('a lowercase RFC 1123 subdomain must consist of') as string;
const LABEL = expect.stringContaining('a lowercase RFC 1123 label must consist of') as string;

describe('Ingress', () => {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const path = (fields: object): object => ({
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...fields }] } }],
  });
  const at = 'spec.rules[0].http.paths[0]';

  it.each<[string, object, Found]>([
    ['nothing to route', {}, [['spec', 'Invalid value: null: either `defaultBackend` or `rules` must be specified']]],
    ['only a default backend', { defaultBackend: backend }, []],
    ['a rule without paths', { rules: [{ host: 'a.b', http: {} }] }, [['spec.rules[0].http.paths', 'Required value']]],
    ['a rule of a host alone', { rules: [{ host: 'a.b' }] }, []],
    ['a relative path', path({ path: 'x' }), [[`${at}.path`, 'Invalid value: "x": must be an absolute path']]],
    ['an empty path', path({ path: '', pathType: 'Exact' }), [[`${at}.path`, 'Invalid value: "": must be an absolute path']]],
    ['an empty path where it may be', path({ path: '', pathType: 'ImplementationSpecific' }), []],
    ['a path of a regex', path({ path: '/a(/|$)(.*)', pathType: 'ImplementationSpecific' }), []],
    ['a path with //', path({ path: '/a//b' }), [[`${at}.path`, 'Invalid value: "/a//b": must not contain \'//\'']]],
    ['a path that ends with /..', path({ path: '/a/..' }), [[`${at}.path`, 'Invalid value: "/a/..": cannot end with \'/..\'']]],
    ['no pathType', path({ pathType: undefined }), [[`${at}.pathType`, 'Required value: pathType must be specified']]],
    [
      'an unknown pathType',
      path({ pathType: 'Regex' }),
      [[`${at}.pathType`, 'Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"']],
    ],
    ['no backend', path({ backend: {} }), [[`${at}.backend`, 'Invalid value: "": resource or service backend is required']]],
    [
      'both backends',
      path({ backend: { ...backend, resource: { kind: 'A', name: 'b' } } }),
      [[`${at}.backend`, 'Invalid value: "": cannot set both resource and service backends']],
    ],
    [
      'a backend without a name',
      path({ backend: { service: { port: { number: 80 } } } }),
      [[`${at}.backend.service.name`, 'Required value']],
    ],
    [
      'a backend without a port',
      path({ backend: { service: { name: 'web' } } }),
      [[`${at}.backend`, 'Required value: port name or number is required']],
    ],
    [
      'a port by both',
      path({ backend: { service: { name: 'web', port: { number: 1, name: 'a' } } } }),
      [[`${at}.backend`, 'Invalid value: "": cannot set both port name & port number']],
    ],
    [
      'a port out of range',
      path({ backend: { service: { name: 'web', port: { number: 70_000 } } } }),
      [[`${at}.backend.service.port.number`, 'Invalid value: 70000: must be between 1 and 65535, inclusive']],
    ],
    [
      'a port name of digits',
      path({ backend: { service: { name: 'web', port: { name: '80' } } } }),
      [[`${at}.backend.service.port.name`, 'Invalid value: "80": must contain at least one letter (a-z)']],
    ],
    [
      'an address as host',
      { rules: [{ host: '192.0.2.1' }] },
      [['spec.rules[0].host', 'Invalid value: "192.0.2.1": must be a DNS name, not an IP address']],
    ],
    ['an upper case host', { rules: [{ host: 'A.b' }] }, [['spec.rules[0].host', SUBDOMAIN]]],
    ['a wildcard host', { rules: [{ host: '*.example.com' }] }, []],
    [
      'a wildcard in the middle',
      { rules: [{ host: 'a.*.com' }] },
      [['spec.rules[0].host', expect.stringContaining('a wildcard DNS-1123 subdomain must start with') as string]],
    ],
    [
      'TLS of an odd host',
      { ...path({}), tls: [{ hosts: ['ok.example.com', 'no_good'] }] },
      [['spec.tls[0].hosts[1]', SUBDOMAIN]],
    ],
    ['an odd class', { ...path({}), ingressClassName: 'A b' }, [['spec.ingressClassName', SUBDOMAIN]]],
  ])('%s', (_name, spec, causes) => {
    expect(create('networking.k8s.io/v1', 'ingresses', { spec })).toEqual(causes);
  });

  it('whose class is named twice and differently', () => {
    const annotations = { 'kubernetes.io/ingress.class': 'a' };
    const object = { metadata: { name: 'test', annotations }, spec: { ...path({}), ingressClassName: 'b' } };
    expect(create('networking.k8s.io/v1', 'ingresses', object)).toEqual([
      ['annotations.kubernetes.io/ingress.class', 'Invalid value: "a": must match `ingressClassName` when both are specified'],
    ]);
  });
});

const setIp = (ip: string) => (object: StoredObject) => {
  object['spec'] = { ...(object['spec'] as object), clusterIP: ip, clusterIPs: [ip] };
};

describe('Service', () => {
  const ports = [{ port: 80 }];
  it.each<[string, object, Found]>([
    ['no ports', {}, [['spec.ports', 'Required value']]],
    ['no ports where none are needed', { clusterIP: 'None' }, []],
    [
      'two ports without names',
      { ports: [{ port: 80 }, { port: 81 }] },
      [
        ['spec.ports[0].name', 'Required value'],
        ['spec.ports[1].name', 'Required value'],
      ],
    ],
    [
      'a name twice',
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 81, name: 'a' },
        ],
      },
      [['spec.ports[1].name', 'Duplicate value: "a"']],
    ],
    [
      'a port twice',
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      },
      [['spec.ports[1]', 'Duplicate value: {"port":80,"protocol":"TCP"}']],
    ],
    [
      'a port for two protocols',
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b', protocol: 'UDP' },
        ],
      },
      [],
    ],
    [
      'a port out of range',
      { ports: [{ port: 0 }] },
      [
        ['spec.ports[0].port', 'Invalid value: 0: must be between 1 and 65535, inclusive'],
        ['spec.ports[0].targetPort', 'Invalid value: 0: must be between 1 and 65535, inclusive'],
      ],
    ],
    [
      'a protocol nobody speaks',
      { ports: [{ port: 80, protocol: 'TLS' }] },
      [['spec.ports[0].protocol', 'Unsupported value: "TLS": supported values: "SCTP", "TCP", "UDP"']],
    ],
    [
      'a target of a long name',
      { ports: [{ port: 80, targetPort: 'abcdefghijklmnop' }] },
      [['spec.ports[0].targetPort', 'Invalid value: "abcdefghijklmnop": must be no more than 15 characters']],
    ],
    [
      'an unknown type',
      { ports, type: 'Magic' },
      [['spec.type', 'Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']],
    ],
    ['an external name that is missing', { type: 'ExternalName' }, [['spec.externalName', 'Required value']]],
    ['an external name with a dot at the end', { type: 'ExternalName', externalName: 'example.com.' }, []],
    ['an external name that is none', { type: 'ExternalName', externalName: 'a_b' }, [['spec.externalName', SUBDOMAIN]]],
    [
      'an external address that is none',
      { ports, externalIPs: ['x'] },
      [['spec.externalIPs[0]', 'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ],
    [
      'a headless load balancer',
      { ports, type: 'LoadBalancer', clusterIP: 'None' },
      [['spec.clusterIPs[0]', 'Invalid value: "None": may not be set to \'None\' for LoadBalancer services']],
    ],
    [
      'a node port without a node port',
      { ports: [{ port: 80, nodePort: 30_000 }] },
      [['spec.ports[0].nodePort', "Forbidden: may not be used when `type` is 'ClusterIP'"]],
    ],
    [
      'affinity to what',
      { ports, sessionAffinity: 'Cookie' },
      [['spec.sessionAffinity', 'Unsupported value: "Cookie": supported values: "ClientIP", "None"']],
    ],
  ])('%s', (_name, spec, causes) => {
    expect(create('v1', 'services', { spec })).toEqual(causes);
  });

  it('keeps its address', () => {
    const spec = { ports, clusterIP: '127.0.0.5' };
    expect(update('v1', 'services', { spec }, setIp('127.0.0.6'))).toEqual([
      ['spec.clusterIPs[0]', 'Invalid value: ["127.0.0.6"]: may not change once set'],
    ]);
    expect(update('v1', 'services', { spec: { ports } }, setIp('127.0.0.6'))).toEqual([]);
  });

  it('keeps an address that an update leaves out, and loses it as ExternalName', () => {
    const services = newStorage().resource('v1', 'services');
    services.create('default', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'test' },
      spec: { ports, clusterIP: '127.0.0.5' },
    });
    const replaced = services.update('default', 'test', (object) => {
      object['spec'] = { ports };
    });
    expect(replaced?.['spec']).toMatchObject({ clusterIP: '127.0.0.5', clusterIPs: ['127.0.0.5'] });
    const external = services.update('default', 'test', (object) => {
      object['spec'] = { ...(object['spec'] as object), type: 'ExternalName', externalName: 'example.com' };
    });
    expect(external?.['spec']).not.toHaveProperty('clusterIP');
  });
});

const slice = (fields: object): object => ({
  addressType: 'IPv4',
  endpoints: [{ addresses: ['127.0.0.1'] }],
  ports: [{ port: 80 }],
  ...fields,
});

describe('EndpointSlice', () => {
  it.each<[string, object, Found]>([
    ['a good one', slice({}), []],
    ['no address type', slice({ addressType: undefined }), [['addressType', 'Required value']]],
    [
      'an unknown address type',
      slice({ addressType: 'IPX' }),
      [['addressType', 'Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"']],
    ],
    [
      'no addresses',
      slice({ endpoints: [{ addresses: [] }] }),
      [['endpoints[0].addresses', 'Required value: must contain at least 1 address']],
    ],
    [
      'an address that is none',
      slice({ endpoints: [{ addresses: ['a'] }] }),
      [['endpoints[0].addresses[0]', 'Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ],
    [
      'an address of the other family',
      slice({ endpoints: [{ addresses: ['::1'] }] }),
      [['endpoints[0].addresses[0]', 'Invalid value: "::1": must be an IPv4 address']],
    ],
    [
      'an odd host name',
      slice({ endpoints: [{ addresses: ['127.0.0.1'], hostname: 'A' }] }),
      [['endpoints[0].hostname', LABEL]],
    ],
    [
      'a port name twice',
      slice({
        ports: [
          { port: 1, name: 'a' },
          { port: 2, name: 'a' },
        ],
      }),
      [['ports[1].name', 'Duplicate value: "a"']],
    ],
    [
      'too many endpoints',
      slice({ endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['127.0.0.1'] })) }),
      [['endpoints', 'Too many: 1001: must have at most 1000 items']],
    ],
  ])('%s', (_name, object, causes) => {
    expect(create('discovery.k8s.io/v1', 'endpointslices', object)).toEqual(causes);
  });

  it('does not change its address type', () => {
    const causes = update('discovery.k8s.io/v1', 'endpointslices', slice({ endpoints: [] }), (object) => {
      object['addressType'] = 'IPv6';
    });
    expect(causes).toEqual([['addressType', 'Invalid value: "IPv6": field is immutable']]);
  });
});

describe('Secret', () => {
  it.each<[string, object, Found]>([
    [
      'a TLS Secret without anything',
      { type: 'kubernetes.io/tls' },
      [
        ['data[tls.crt]', 'Required value'],
        ['data[tls.key]', 'Required value'],
      ],
    ],
    ['a TLS Secret without sense', { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': 'eA==' } }, []],
    [
      'a key of a space',
      { data: { 'a b': '' } },
      [['data[a b]', expect.stringContaining('a valid config key must consist of') as string]],
    ],
    [
      'basic authentication without any',
      { type: 'kubernetes.io/basic-auth' },
      [
        ['data[username]', 'Required value'],
        ['data[password]', 'Required value'],
      ],
    ],
    [
      'too much',
      { stringData: { a: 'x'.repeat(1024 * 1024 + 1) } },
      [['data', 'Too long: may not be more than 1048576 bytes']],
    ],
  ])('%s', (_name, object, causes) => {
    expect(create('v1', 'secrets', object)).toEqual(causes);
  });

  it('does not change its type, nor its data when it is immutable', () => {
    const object = { immutable: true, data: { a: 'eA==' } };
    const causes = update('v1', 'secrets', object, (secret) => {
      secret['type'] = 'example.com/other';
      secret['data'] = {};
    });
    expect(causes).toEqual([
      ['type', 'Invalid value: "example.com/other": field is immutable'],
      ['data', 'Forbidden: field is immutable when `immutable` is set'],
    ]);
  });

  it('takes stringData as data', () => {
    const secrets = newStorage().resource('v1', 'secrets');
    const created = secrets.create('default', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'x' },
      stringData: { a: 'hé' },
    });
    expect(created).toMatchObject({ type: 'Opaque', data: { a: Buffer.from('hé').toString('base64') } });
    expect(created).not.toHaveProperty('stringData');
  });
});

describe('metadata', () => {
  it.each<[string, object, Found]>([
    ['an upper case name', { name: 'A' }, [['metadata.name', SUBDOMAIN]]],
    [
      'a label of a bad key',
      { name: 'a', labels: { 'a b': 'c' } },
      [['metadata.labels', expect.stringContaining('Invalid value: "a b": name part must consist of') as string]],
    ],
    [
      'a label of a bad value',
      { name: 'a', labels: { a: 'b c' } },
      [['metadata.labels', expect.stringContaining('a valid label must be an empty string or') as string]],
    ],
    [
      'an annotation of a bad key',
      { name: 'a', annotations: { '/x': '' } },
      [['metadata.annotations', 'Invalid value: "/x": prefix part must be non-empty']],
    ],
    [
      'annotations that are too long',
      { name: 'a', annotations: { x: 'y'.repeat(300_000) } },
      [['metadata.annotations', 'Too long: may not be more than 262144 bytes']],
    ],
  ])('%s', (_name, metadata, causes) => {
    expect(create('v1', 'configmaps', { metadata })).toEqual(causes);
  });

  it('of a Service has a name that begins with a letter', () => {
    const object = { metadata: { name: '1a' }, spec: { ports: [{ port: 80 }] } };
    expect(create('v1', 'services', object)).toEqual([
      ['metadata.name', expect.stringContaining('a DNS-1035 label must') as string],
    ]);
  });
});

describe('Deployment', () => {
  it.each<[string, object, string[]]>([
    ['no selector', { template: { spec: { containers: [{ name: 'a', image: 'b' }] } } }, ['spec.selector']],
    [
      'a template that is not selected',
      { selector: { matchLabels: { a: 'b' } }, template: { spec: { containers: [{ name: 'a', image: 'b' }] } } },
      ['spec.template.metadata.labels'],
    ],
    [
      'no containers',
      { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } } } },
      ['spec.template.spec.containers'],
    ],
    [
      'fewer than no replicas',
      {
        replicas: -1,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
      },
      ['spec.replicas'],
    ],
  ])('%s', (_name, spec, fields) => {
    expect(create('apps/v1', 'deployments', { spec }).map(([field]) => field)).toEqual(fields);
  });
});

const ingressClass = (name: string): NewObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  spec: { controller: 'example.com/c' },
});

describe('the default IngressClass', () => {
  const spec = { defaultBackend: { service: { name: 'web', port: { number: 80 } } } };

  it('is given to an Ingress that names none; the newest of several wins', () => {
    let now = 0;
    const storage = new MemoryStorage({ now: () => now });
    storage.resource('v1', 'namespaces').create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    const classes = storage.resource('networking.k8s.io/v1', 'ingressclasses');
    const ingresses = storage.resource('networking.k8s.io/v1', 'ingresses');
    const classOf = (name: string, fields: object = {}, annotations?: Record<string, string>): unknown => {
      const metadata = { name, ...(annotations === undefined ? {} : { annotations }) };
      const created = ingresses.create('default', {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata,
        spec: { ...spec, ...fields },
      });
      return (created['spec'] as { ingressClassName?: string }).ingressClassName;
    };
    expect(classOf('none')).toBeUndefined();
    classes.create('', ingressClass('b-old'));
    expect(classOf('one')).toBe('b-old');
    now += 60_000;
    classes.create('', ingressClass('c-new'));
    expect(classOf('two')).toBe('c-new');
    expect(classOf('own', { ingressClassName: 'mine' })).toBe('mine');
    expect(classOf('annotated', {}, { 'kubernetes.io/ingress.class': 'nginx' })).toBeUndefined();
  });
});
