/** Questions that are asked by creating an object which nobody keeps: who am I, what may I do. Everybody is an administrator here. */
import { isObject, objectAt, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Faults } from '../api/faults.ts';
import type { Verb } from '../http/request.ts';

/** One kind of question. */
interface Review {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly answer: (object: JsonObject, faults: Faults) => JsonObject;
}

const USER = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** Allowed, unless a fault makes the server refuse just that. */
function access(object: JsonObject, faults: Faults): JsonObject {
  const wanted = objectAt(object, 'spec', 'resourceAttributes');
  const denied =
    wanted !== undefined &&
    faults.denies({
      verb: (stringAt(wanted, 'verb') ?? '') as Verb,
      plural: stringAt(wanted, 'resource') ?? '',
      namespace: stringAt(wanted, 'namespace'),
      name: stringAt(wanted, 'name'),
    });
  return denied ? { allowed: false, reason: 'injected fault' } : { allowed: true };
}

export const REVIEWS: readonly Review[] = [
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    answer: access,
  },
  { group: 'authorization.k8s.io', version: 'v1', kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', answer: access },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    answer: () => ({
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    }),
  },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    answer: () => ({ userInfo: USER }),
  },
];

/** The answer to a question that came in as an object. */
export function answerReview(review: Review, object: unknown, faults: Faults): JsonObject {
  const given = isObject(object) ? object : {};
  return {
    ...given,
    kind: review.kind,
    apiVersion: `${review.group}/${review.version}`,
    metadata: { creationTimestamp: null },
    status: review.answer(given, faults),
  };
}
