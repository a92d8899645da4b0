/** Kubernetes, "Ingress": DefaultBackend. Feature default_backend of ingress-controller-conformance. */
import { ingress } from '../support/manifests.ts';
import type { Scenario } from './feature.ts';

export const DEFAULT_BACKEND: readonly Scenario[] = [
  {
    name: 'an Ingress with no rules sends all traffic to its default backend',
    objects: [ingress('default-backend', '', { defaultBackend: 'echo' })],
    published: ['default-backend'],
    cases: [
      { request: 'http://my-host/', answer: 'echo' },
      { request: 'http://my-host/sub-path', answer: 'echo' },
      { request: 'POST http://some-host/', answer: 'echo' },
      { request: 'PUT http://127.0.0.1/resource', answer: 'echo', because: 'no host name at all' },
      { request: 'DELETE http://some-host/resource', answer: 'echo' },
      { request: 'PATCH http://my-host/resource', answer: 'echo' },
      { request: 'https://my-host/', answer: 'echo' },
    ],
  },
  {
    name: 'without any default backend the controller answers',
    objects: [ingress('rules', 'rules.test Prefix /a web')],
    cases: [
      { request: 'http://rules.test/a', answer: 'web' },
      { request: 'http://rules.test/b', answer: '404' },
      { request: 'http://other.test/a', answer: '404' },
    ],
  },
  {
    name: 'a default backend takes what none of the rules of its Ingress match',
    objects: [ingress('both', 'both.test Prefix /a web', { defaultBackend: 'echo' })],
    cases: [
      { request: 'http://both.test/a', answer: 'web' },
      { request: 'http://both.test/b', answer: 'echo' },
      {
        request: 'http://other.test/',
        answer: 'echo',
        because: 'none of the hosts match the request in the Ingress objects',
        nginx: { difference: 'default-backend-beside-rules', answer: '404' },
      },
    ],
  },
  {
    name: 'a default backend takes what no rule of any Ingress matches',
    objects: [ingress('only-default', '', { defaultBackend: 'echo' }), ingress('only-rules', 'rules.test Prefix /a web')],
    cases: [
      { request: 'http://rules.test/a', answer: 'web' },
      { request: 'http://other.test/a', answer: 'echo' },
      {
        request: 'http://rules.test/b',
        answer: 'echo',
        because: 'none of the paths match the request in the Ingress objects',
        nginx: { difference: 'catch-all-default-backend', answer: '404' },
      },
    ],
  },
  {
    name: 'the younger of two Ingresses of a host has the default backend',
    objects: [
      ingress('older', 'shared.test Prefix /a web'),
      ingress('younger', 'shared.test Prefix /b web2', { defaultBackend: 'echo' }),
    ],
    cases: [
      { request: 'http://shared.test/a', answer: 'web' },
      { request: 'http://shared.test/b', answer: 'web2' },
      {
        request: 'http://shared.test/c',
        answer: 'echo',
        nginx: { difference: 'default-backend-of-later-ingress', answer: '404' },
      },
    ],
  },
  {
    name: 'a rule without a host for everything comes before a default backend',
    objects: [ingress('only-default', '', { defaultBackend: 'echo' }), ingress('hostless', '- Prefix / web')],
    cases: [
      {
        request: 'http://any.test/x',
        answer: 'web',
        because: 'a default backend is for requests that match none of the rules',
        nginx: { difference: 'default-backend-and-hostless-root', answer: 'echo' },
      },
    ],
  },
];
