/** Kubernetes, "Ingress": Ingress rules, Hostname wildcards, TLS. Feature host_rules of ingress-controller-conformance. */
import { ingress, tlsSecret } from '../support/manifests.ts';
import { makeCertificate } from '../support/pki.ts';
import type { Scenario } from './feature.ts';

const FOO_BAR_COM = makeCertificate({ names: ['foo.bar.com'] });

export const HOST_RULES: readonly Scenario[] = [
  {
    name: 'an exact host and a wildcard, one with TLS',
    objects: [
      tlsSecret('conformance-tls', FOO_BAR_COM),
      ingress(
        'host-rules',
        `
          *.foo.com    Prefix  /  wildcard-foo-com
          foo.bar.com  Prefix  /  foo-bar-com:http
        `,
        { tls: [{ hosts: ['foo.bar.com'], secretName: 'conformance-tls' }] },
      ),
    ],
    published: ['host-rules'],
    certificates: [{ host: 'foo.bar.com', pem: FOO_BAR_COM.cert }],
    cases: [
      { request: 'https://foo.bar.com/', answer: 'foo-bar-com' },
      { request: 'follow http://foo.bar.com/', answer: 'foo-bar-com' },
      { request: 'http://foo.bar.com/', answer: '308 https://foo.bar.com' },
      { request: 'http://subdomain.bar.com/', answer: '404' },
      { request: 'follow http://bar.foo.com/', answer: 'wildcard-foo-com', because: 'matches based on shared suffix' },
      { request: 'https://bar.foo.com/', answer: 'wildcard-foo-com' },
      { request: 'follow http://baz.bar.foo.com/', answer: '404', because: 'wildcard only covers a single DNS label' },
      { request: 'http://foo.com/', answer: '404', because: 'wildcard only covers a single DNS label' },
    ],
  },
  {
    name: 'hosts are names: in any case, with any port, and only the whole of them',
    objects: [ingress('names', 'name.test Prefix / web')],
    cases: [
      { request: 'http://name.test/', answer: 'web' },
      { request: 'http://NAME.Test/', answer: 'web' },
      { request: 'http://name.test:8080/', answer: 'web' },
      { request: 'http://a.name.test/', answer: '404' },
      { request: 'http://ame.test/', answer: '404' },
      { request: 'http://name.test.example/', answer: '404' },
    ],
  },
  {
    name: 'the exact host before the wildcard before the rules without a host',
    objects: [
      ingress(
        'precedence',
        `
          -           Prefix  /       hostless
          *.foo.test  Prefix  /       wildcard
          a.foo.test  Prefix  /exact  exact
        `,
      ),
    ],
    cases: [
      { request: 'http://a.foo.test/exact', answer: 'exact' },
      { request: 'http://b.foo.test/exact', answer: 'wildcard' },
      { request: 'http://b.a.foo.test/exact', answer: 'hostless' },
      { request: 'http://127.0.0.1/exact', answer: 'hostless', because: 'no host: applies to all inbound HTTP traffic' },
      {
        request: 'http://a.foo.test/other',
        answer: 'wildcard',
        because: 'both the host and path must match the content of an incoming request',
        nginx: { difference: 'wildcard-fall-through', answer: '404' },
      },
    ],
  },
  {
    name: 'a rule without a host applies to all inbound traffic',
    objects: [
      ingress(
        'all-inbound',
        `
          -           Prefix  /everywhere  hostless
          only.test   Prefix  /here        exact
        `,
      ),
    ],
    cases: [
      { request: 'http://only.test/here', answer: 'exact' },
      { request: 'http://other.test/everywhere', answer: 'hostless' },
      { request: 'http://other.test/here', answer: '404' },
      {
        request: 'http://only.test/everywhere',
        answer: 'hostless',
        nginx: { difference: 'hostless-fall-through', answer: '404' },
      },
    ],
  },
  {
    name: 'name based virtual hosting: hosts of several Ingresses, some on one name',
    objects: [
      ingress('first', 'first.bar.test Prefix / service1'),
      ingress('second', 'second.bar.test Prefix / service2'),
      ingress('more-of-first', 'first.bar.test Prefix /more service3'),
    ],
    cases: [
      { request: 'http://first.bar.test/', answer: 'service1' },
      { request: 'http://second.bar.test/', answer: 'service2' },
      { request: 'http://first.bar.test/more', answer: 'service3' },
      { request: 'http://second.bar.test/more', answer: 'service2' },
    ],
  },
];
