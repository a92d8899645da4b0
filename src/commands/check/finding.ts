/** What `sluice check` finds: the diagnostics of the controller, with what to do about them. */
import type { Diagnostic, ObjectRef } from '../../model/diagnostic.ts';

/** What only `sluice check` can find, beside the codes of diagnostics. */
export const CHECK_CODES = {
  ApiVersionRemoved: 'The object is written in a version of its API that Kubernetes no longer has.',
  DuplicateObject: 'The object is in the input more than once.',
  FlagInvalid: 'An argument of the controller has a value that cannot be understood.',
  FlagUnknown: 'An argument of the controller is not known.',
  FlagUnsupported: 'An argument of the controller has no counterpart here.',
  HostDenied: 'Another Ingress of the host makes all its paths be answered with 503.',
  AnnotationDiffers: 'The annotation is honoured, but on purpose not as ingress-nginx does.',
} as const;

/** The code of something found. */
export type FindingCode = Diagnostic['code'] | keyof typeof CHECK_CODES;

/** One thing found. */
export interface Finding extends Omit<Diagnostic, 'code'> {
  readonly code: FindingCode;
  /** It is no difference: with ingress-nginx it is so too. */
  readonly alike: boolean;
  /** What to do, in a sentence or two; may be empty. */
  readonly advice: string;
}

/** Names an object that need not be of the cluster's kinds. */
export function reference(apiVersion: string, kind: string, namespace: string, name: string): ObjectRef {
  return { apiVersion, kind, namespace, name };
}
