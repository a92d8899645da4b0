/** The tables of bad input: what the API server refuses, and what it lets through or may have stored. */
import { ingress, pod, secret, service, tlsSecret } from '../support/manifests.ts';
import { makeCertificate, makeKey } from '../support/pki.ts';

/** What is refused at the door. */
export interface Refused {
  readonly name: string;
  /** What is POSTed; text as it is. */
  readonly body: object | string;
  readonly status: number;
  /** Of the first cause, or a part of the message where there are no causes. */
  readonly says: string;
}

const badPath = ingress(
  'bad-path',
  `
    bad-path.test  Prefix                  /good  web
    bad-path.test  Prefix                  bad    web
    bad-path.test  ImplementationSpecific  worse  web
  `,
);
const ipHost = ingress('ip-host', '192.0.2.1 Prefix / web\nip-host.test Prefix / web');

export const REFUSED: readonly Refused[] = [
  { name: 'JSON that does not end', body: '{"kind":"Ingress",', status: 400, says: 'JSON' },
  { name: 'a list instead of an object', body: '[]', status: 400, says: '' },
  { name: 'a number as host', body: ingressWith('refused', { rules: [{ host: 7 }] }), status: 400, says: 'host' },
  { name: 'text as rules', body: ingressWith('refused', { rules: 'all' }), status: 400, says: 'rules' },
  { name: 'neither rules nor default backend', body: ingressWith('refused', {}), status: 422, says: 'spec' },
  { name: 'a path without "/"', body: badPath, status: 422, says: 'spec.rules[0].http.paths[1].path' },
  { name: 'an IP address as host', body: ipHost, status: 422, says: 'spec.rules[0].host' },
  {
    name: 'an unknown pathType',
    body: ingress('x', 'x.test Regex /x web'),
    status: 422,
    says: 'spec.rules[0].http.paths[0].pathType',
  },
  {
    name: 'a TLS Secret without tls.crt',
    body: secret('x', { 'tls.key': 'x' }, 'kubernetes.io/tls'),
    status: 422,
    says: 'data[tls.crt]',
  },
  { name: 'a Service port of 0', body: service('x', { ports: [{ port: 0 }] }), status: 422, says: 'spec.ports[0].port' },
];

function ingressWith(name: string, spec: object): object {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name }, spec };
}

/** What the API server lets through. */
export interface Bad {
  readonly name: string;
  readonly objects?: readonly object[];
  /** Put into the cluster past the API server's checks. */
  readonly unchecked?: readonly object[];
  /** URL → the Pod that answers, or the status with the Location of a redirect. */
  readonly answers: Readonly<Record<string, string>>;
  /** What TLS connections for the host of the first URL get: PEM, or null for the default certificate. */
  readonly certificate?: string | null;
  /** Each is in the configuration dump and an Event on its object. */
  readonly reports: readonly { readonly code: string; readonly on: string; readonly field: string }[];
}

const WEB = { service: { name: 'web', port: { number: 8080 } } };
const BACKEND = 'spec.rules[0].http.paths[0].backend.service';
const FORCE = 'nginx.ingress.kubernetes.io/force-ssl-redirect';
const MODSECURITY = 'nginx.ingress.kubernetes.io/enable-modsecurity';
const DAY = 86_400_000;

/** A host with TLS from a Secret, as an Ingress and what it answers: plain HTTP is sent to https, whatever the Secret is worth. */
function withTls(name: string): Pick<Bad, 'answers'> & { readonly ingress: object } {
  const host = `${name}.test`;
  return {
    ingress: ingress(name, `${host} Prefix / web`, { tls: [{ hosts: [host], secretName: name }] }),
    answers: { [`https://${host}/`]: 'web', [`http://${host}/`]: `308 https://${host}` },
  };
}

/** A Secret of an Ingress with TLS that is bad in one way, reported on it. */
function badSecret(what: string, name: string, object: object, code: string, field: string, certificate: string | null): Bad {
  const { ingress: its, answers } = withTls(name);
  return { name: what, objects: [object, its], answers, certificate, reports: [{ code, on: `Secret ${name}`, field }] };
}

/** Its key is in several Secrets. */
export const GOOD = makeCertificate({ names: ['no-crt.test', 'no-key.test', 'mismatch.test', 'garbage.test'] });
const expired = makeCertificate({
  names: ['expired.test'],
  notBefore: new Date(Date.now() - 9 * DAY),
  notAfter: new Date(Date.now() - DAY),
});
const early = makeCertificate({
  names: ['early.test'],
  notBefore: new Date(Date.now() + DAY),
  notAfter: new Date(Date.now() + 9 * DAY),
});
const foreign = makeCertificate({ names: ['another.test'] });
const missing = withTls('missing-secret');
const mismatched = withTls('foreign');

export const BAD: readonly Bad[] = [
  badSecret(
    'a Secret without tls.crt',
    'no-crt',
    secret('no-crt', { 'tls.key': GOOD.key }),
    'SecretInvalid',
    'data[tls.crt]',
    null,
  ),
  badSecret(
    'a Secret without tls.key',
    'no-key',
    secret('no-key', { 'tls.crt': GOOD.chain }),
    'SecretInvalid',
    'data[tls.key]',
    null,
  ),
  badSecret(
    'a Secret whose tls.crt is no certificate',
    'garbage',
    tlsSecret('garbage', { chain: 'not a certificate', key: GOOD.key }),
    'SecretInvalid',
    'data[tls.crt]',
    null,
  ),
  badSecret(
    'a key that does not match its certificate',
    'mismatch',
    tlsSecret('mismatch', { chain: GOOD.chain, key: makeKey('ec', 'another') }),
    'CertificateKeyMismatch',
    'data[tls.key]',
    null,
  ),
  badSecret(
    'an expired certificate',
    'expired',
    tlsSecret('expired', expired),
    'CertificateExpired',
    'data[tls.crt]',
    expired.cert,
  ),
  badSecret(
    'a certificate that is not yet valid',
    'early',
    tlsSecret('early', early),
    'CertificateNotYetValid',
    'data[tls.crt]',
    early.cert,
  ),
  {
    name: 'a Secret that does not exist',
    objects: [missing.ingress],
    answers: missing.answers,
    certificate: null,
    reports: [{ code: 'SecretNotFound', on: 'Ingress missing-secret', field: 'spec.tls[0].secretName' }],
  },
  {
    name: 'a certificate for another host',
    objects: [tlsSecret('foreign', foreign), mismatched.ingress],
    answers: mismatched.answers,
    certificate: null,
    reports: [{ code: 'CertificateHostMismatch', on: 'Ingress foreign', field: 'spec.tls[0].secretName' }],
  },
  {
    name: 'a Service that does not exist',
    objects: [ingress('no-service', 'no-service.test Prefix /bad nowhere\nno-service.test Prefix /good web')],
    answers: { 'http://no-service.test/bad': '503', 'http://no-service.test/good': 'web', 'http://no-service.test/': '404' },
    reports: [{ code: 'ServiceNotFound', on: 'Ingress no-service', field: `${BACKEND}.name` }],
  },
  {
    name: 'a port number that its Service has not',
    objects: [ingress('no-number', 'no-number.test Prefix /bad web:9\nno-number.test Prefix /good web')],
    answers: { 'http://no-number.test/bad': '503', 'http://no-number.test/good': 'web' },
    reports: [{ code: 'ServicePortNotFound', on: 'Ingress no-number', field: `${BACKEND}.port.number` }],
  },
  {
    name: 'a port name that its Service has not',
    objects: [ingress('no-name', 'no-name.test Prefix /bad web:grpc\nno-name.test Prefix /good web:http')],
    answers: { 'http://no-name.test/bad': '503', 'http://no-name.test/good': 'web' },
    reports: [{ code: 'ServicePortNotFound', on: 'Ingress no-name', field: `${BACKEND}.port.name` }],
  },
  {
    name: 'a Service whose only Pod is not ready',
    objects: [
      pod('unready', { 'backend.sluice.dev/ready': 'false' }),
      service('unready'),
      ingress('unready', 'unready.test Prefix / unready'),
    ],
    answers: { 'http://unready.test/': '503' },
    reports: [{ code: 'ServiceNoEndpoints', on: 'Service unready', field: 'spec.ports[0]' }],
  },
  {
    name: 'an EndpointSlice with no ready endpoint',
    objects: [
      service('sliced', {}),
      slice('sliced', [{ addresses: ['127.0.0.9'], conditions: { ready: false, serving: true, terminating: false } }]),
      ingress('sliced', 'sliced.test Prefix / sliced'),
    ],
    answers: { 'http://sliced.test/': '503' },
    reports: [{ code: 'ServiceNoEndpoints', on: 'Service sliced', field: 'spec.ports[0]' }],
  },
  {
    name: 'an annotation that protects and is not supported, ModSecurity',
    objects: [
      // Of two of the same age, the greater name is the older.
      ingress('protected', 'protected.test Prefix /inside web', { annotations: { [MODSECURITY]: 'true' } }),
      ingress('open', 'protected.test Prefix /open web'),
    ],
    answers: {
      'http://protected.test/inside': '503',
      'http://protected.test/elsewhere': '503',
      'http://protected.test/open': 'web',
    },
    reports: [{ code: 'AnnotationUnsupported', on: 'Ingress protected', field: `metadata.annotations[${MODSECURITY}]` }],
  },
  {
    name: 'two Ingresses for the same path',
    objects: [
      // Of two of the same age, the greater name is the older.
      ingress('twin-b', 'twins.test Prefix /same web'),
      ingress('twin-a', 'twins.test Prefix /same control\ntwins.test Prefix /own control'),
    ],
    answers: { 'http://twins.test/same': 'web', 'http://twins.test/own': 'control' },
    reports: [{ code: 'PathConflict', on: 'Ingress twin-a', field: 'spec.rules[0].http.paths[0].path' }],
  },
  {
    name: 'a path without a leading "/"',
    unchecked: [badPath],
    answers: {
      'http://bad-path.test/good': 'web',
      'http://bad-path.test/bad': '404',
      'http://bad-path.test/worse': '404',
    },
    reports: [
      { code: 'PathInvalid', on: 'Ingress bad-path', field: 'spec.rules[0].http.paths[1].path' },
      { code: 'PathInvalid', on: 'Ingress bad-path', field: 'spec.rules[0].http.paths[2].path' },
    ],
  },
  {
    name: 'a host that is an IP address',
    unchecked: [ipHost],
    answers: { 'http://192.0.2.1/': '404', 'http://ip-host.test/': 'web' },
    reports: [{ code: 'HostInvalid', on: 'Ingress ip-host', field: 'spec.rules[0].host' }],
  },
  {
    name: 'an unknown pathType',
    unchecked: [ingress('path-type', 'path-type.test Regex /bad web\npath-type.test Exact /good web')],
    answers: { 'http://path-type.test/good': 'web', 'http://path-type.test/bad': '404' },
    reports: [{ code: 'PathTypeInvalid', on: 'Ingress path-type', field: 'spec.rules[0].http.paths[0].pathType' }],
  },
  {
    name: 'hosts that are no DNS names',
    unchecked: [
      ingress(
        'bad-hosts',
        `
          bad-hosts.test  Prefix  /  web
          *.*.test        Prefix  /  web
          a.*.test        Prefix  /  web
          under_score     Prefix  /  web
          [::1]           Prefix  /  web
          h/../x          Prefix  /  web
        `,
      ),
    ],
    answers: { 'http://bad-hosts.test/': 'web', 'http://a.b.test/': '404', 'http://under_score/': '404' },
    reports: [1, 2, 3, 4, 5].map((index) => ({
      code: 'HostInvalid',
      on: 'Ingress bad-hosts',
      field: `spec.rules[${index}].host`,
    })),
  },
  {
    name: 'names that lead elsewhere',
    unchecked: [
      ingress(
        'bad-names',
        `
          bad-names.test  Prefix  /       web
          bad-names.test  Prefix  /up     ../../namespaces/kube-system/services/web
          bad-names.test  Prefix  /proto  __proto__
        `,
        { tls: [{ hosts: ['bad-names.test'], secretName: '../configmaps/x?a=b#c%00' }] },
      ),
    ],
    answers: {
      'https://bad-names.test/': 'web',
      'https://bad-names.test/up': '503',
      'https://bad-names.test/proto': '503',
    },
    certificate: null,
    reports: [
      { code: 'SecretNotFound', on: 'Ingress bad-names', field: 'spec.tls[0].secretName' },
      { code: 'ServiceNotFound', on: 'Ingress bad-names', field: 'spec.rules[0].http.paths[1].backend.service.name' },
      { code: 'ServiceNotFound', on: 'Ingress bad-names', field: 'spec.rules[0].http.paths[2].backend.service.name' },
    ],
  },
  {
    name: 'an annotation that cannot be understood',
    objects: [ingress('bad-annotation', 'bad-annotation.test Prefix / web', { annotations: { [FORCE]: 'perhaps' } })],
    answers: { 'http://bad-annotation.test/': 'web' },
    reports: [{ code: 'AnnotationInvalid', on: 'Ingress bad-annotation', field: `metadata.annotations[${FORCE}]` }],
  },
  {
    name: 'an Ingress with parts of a wrong type',
    unchecked: [
      ingressWith('odd-rules', {
        ingressClassName: 'nginx',
        tls: 'yes',
        rules: [
          { host: 'odd-rules.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend: WEB }] } },
          null,
          'text',
          { host: 7 },
          { host: 'odd-rules.test', http: { paths: 'all' } },
        ],
      }),
    ],
    answers: { 'http://odd-rules.test/': 'web' },
    reports: [
      { code: 'ObjectMalformed', on: 'Ingress odd-rules', field: 'spec.rules[1]' },
      { code: 'ObjectMalformed', on: 'Ingress odd-rules', field: 'spec.rules[3].host' },
      { code: 'ObjectMalformed', on: 'Ingress odd-rules', field: 'spec.rules[4].http.paths' },
      { code: 'ObjectMalformed', on: 'Ingress odd-rules', field: 'spec.tls' },
    ],
  },
  {
    name: 'a Service with ports of a wrong type',
    objects: [ingress('odd-service', 'odd-service.test Prefix / odd-service')],
    unchecked: [service('odd-service', { ports: 'all', selector: 7 })],
    answers: { 'http://odd-service.test/': '503' },
    reports: [
      { code: 'ObjectMalformed', on: 'Service odd-service', field: 'spec.ports' },
      { code: 'ServicePortNotFound', on: 'Ingress odd-service', field: `${BACKEND}.port.number` },
    ],
  },
  {
    name: 'an EndpointSlice with parts of a wrong type',
    objects: [service('odd-slice', {}), ingress('odd-slice', 'odd-slice.test Prefix / odd-slice')],
    unchecked: [slice('odd-slice', [null, 'text', { addresses: 7 }, { addresses: ['..', 7], conditions: 'ready' }])],
    answers: { 'http://odd-slice.test/': '503' },
    reports: [
      { code: 'ObjectMalformed', on: 'EndpointSlice odd-slice', field: 'endpoints[1]' },
      { code: 'ServiceNoEndpoints', on: 'Service odd-slice', field: 'spec.ports[0]' },
    ],
  },
  (() => {
    const { ingress: its, answers } = withTls('odd-secret');
    return {
      name: 'a Secret with data of a wrong type',
      objects: [its],
      unchecked: [
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'odd-secret' }, data: { 'tls.crt': 7, 'tls.key': [] } },
      ],
      answers,
      certificate: null,
      reports: [
        { code: 'ObjectMalformed', on: 'Secret odd-secret', field: 'data["tls.crt"]' },
        { code: 'SecretInvalid', on: 'Secret odd-secret', field: 'data[tls.crt]' },
      ],
    };
  })(),
  {
    name: 'metadata of a wrong type, and names that objects inherit',
    unchecked: [
      Object.assign(ingress('odd-meta', 'constructor.test Prefix /__proto__ web'), {
        metadata: { name: 'odd-meta', annotations: ['x'], labels: 7, creationTimestamp: 'yesterday' },
      }),
    ],
    answers: { 'http://constructor.test/__proto__': 'web', 'http://constructor.test/constructor': '404' },
    reports: [{ code: 'ObjectMalformed', on: 'Ingress odd-meta', field: 'metadata.annotations' }],
  },
];

function slice(name: string, endpoints: readonly unknown[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}
