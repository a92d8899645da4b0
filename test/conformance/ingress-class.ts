/** Kubernetes, "Ingress": Ingress class, Default IngressClass. Feature ingress_class of ingress-controller-conformance. */
import { ingress, ingressClass } from '../support/manifests.ts';
import type { Scenario } from './feature.ts';

const OLD_ANNOTATION = 'kubernetes.io/ingress.class';

export const INGRESS_CLASS: readonly Scenario[] = [
  {
    name: 'an Ingress of a class that does not exist is not served',
    objects: [ingress('invalid-class', 'ingress-class.test Prefix / web', { className: 'some-invalid-class-name' })],
    unpublished: ['invalid-class'],
    cases: [{ request: 'http://ingress-class.test/', answer: '404' }],
  },
  {
    name: 'the controller that an IngressClass names implements its Ingresses',
    objects: [
      ingressClass('ours'),
      ingressClass('theirs', 'example.com/ingress-controller'),
      ingress('of-ours', 'ours.test Prefix / web', { className: 'ours' }),
      ingress('of-theirs', 'theirs.test Prefix / web', { className: 'theirs' }),
      ingress('of-no-class', 'none.test Prefix / web', { className: null }),
    ],
    published: ['of-ours'],
    unpublished: ['of-theirs', 'of-no-class'],
    cases: [
      { request: 'http://ours.test/', answer: 'web' },
      { request: 'http://theirs.test/', answer: '404' },
      { request: 'http://none.test/', answer: '404' },
    ],
  },
  {
    name: 'an Ingress without a class gets the default one',
    objects: [
      ingressClass('default', 'k8s.io/ingress-nginx', { 'ingressclass.kubernetes.io/is-default-class': 'true' }),
      ingress('of-default', 'default.test Prefix / web', { className: null }),
    ],
    published: ['of-default'],
    cases: [{ request: 'http://default.test/', answer: 'web' }],
  },
  {
    name: 'the default class may be that of another controller',
    objects: [
      ingressClass('default', 'example.com/other', { 'ingressclass.kubernetes.io/is-default-class': 'true' }),
      ingress('of-default', 'default.test Prefix / web', { className: null }),
    ],
    unpublished: ['of-default'],
    cases: [{ request: 'http://default.test/', answer: '404' }],
  },
  {
    name: 'the annotation that classes replaced still names one',
    objects: [
      ingress('old-ours', 'old-ours.test Prefix / web', { className: null, annotations: { [OLD_ANNOTATION]: 'nginx' } }),
      ingress('old-theirs', 'old-theirs.test Prefix / web', { className: null, annotations: { [OLD_ANNOTATION]: 'other' } }),
    ],
    published: ['old-ours'],
    unpublished: ['old-theirs'],
    cases: [
      { request: 'http://old-ours.test/', answer: 'web' },
      { request: 'http://old-theirs.test/', answer: '404' },
    ],
  },
];
