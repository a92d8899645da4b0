/** Which Ingresses are ours: the rules of IngressClass, in ingress-nginx's order (internal/ingress/controller/store). */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Ingress, IngressClass } from '../model/objects.ts';
import { createReporter, quote } from '../model/report.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { nameOf, objectRef } from './read.ts';

/** The annotation that named the class before `spec.ingressClassName` was. */
export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** Finds an IngressClass by name. */
export type ClassLookup = (name: string) => IngressClass | undefined;

/** Ours, not ours, or ours but refused (with the reason). */
export type Acceptance =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly diagnostics: readonly Diagnostic[] };

const FOREIGN: Acceptance = { accepted: false, diagnostics: [] };

/** Whether an IngressClass is served by this controller. */
export function acceptClass(ingressClass: IngressClass | undefined, settings: TranslateSettings): boolean {
  if (ingressClass === undefined) return false;
  if (ingressClass.spec?.controller === settings.controllerClass) return true;
  return settings.ingressClassByName && nameOf(ingressClass)?.name === settings.ingressClass;
}

function hasOurClass(ingress: Ingress, classLookup: ClassLookup, settings: TranslateSettings): boolean {
  const className: unknown = ingress.spec?.ingressClassName;
  if (className !== undefined && className !== null) {
    // A class that is unknown or another's: the annotation is not consulted.
    return typeof className === 'string' && acceptClass(classLookup(className), settings);
  }
  const annotation: unknown = ingress.metadata.annotations?.[CLASS_ANNOTATION];
  if (annotation !== undefined && annotation !== null) return annotation === settings.ingressClass;
  return settings.watchIngressWithoutClass;
}

/** Decides about one Ingress. */
export function acceptIngress(ingress: Ingress, classLookup: ClassLookup, settings: TranslateSettings): Acceptance {
  const name = nameOf(ingress);
  if (name === null || !hasOurClass(ingress, classLookup, settings)) return FOREIGN;
  const defaultBackend: unknown = ingress.spec?.defaultBackend;
  if (!settings.disableCatchAll || defaultBackend === undefined || defaultBackend === null) return { accepted: true };
  const { report, diagnostics } = createReporter(objectRef('Ingress', name.namespace, name.name, ingress.metadata.uid));
  report(
    'CatchAllRefused',
    'error',
    'spec.defaultBackend',
    `the default backend ${quote(defaultBackend)} is refused, as --disable-catch-all is set`,
    'Nothing of this Ingress is served.',
  );
  return { accepted: false, diagnostics };
}
