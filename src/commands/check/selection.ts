/**
 * Which Ingresses are checked: those that the controller would serve with its flags, and those of ingress-nginx's class, which are what
 * one migrates, under whatever name.
 */
import { clusterView } from '../../controller/view.ts';
import type { Ingress } from '../../model/objects.ts';
import type { ClusterView } from '../../model/view.ts';
import { DEFAULT_SETTINGS } from '../../settings/defaults.ts';
import type { Settings } from '../../settings/settings.ts';
import { acceptIngress, CLASS_ANNOTATION } from '../../translate/accept.ts';
import type { CheckInput } from './input.ts';

/** What is checked, and what is passed over. */
export interface Selection {
  /** As translation sees it: what is passed over is not there, and the rest is of our class. */
  readonly view: ClusterView;
  readonly ingresses: readonly Ingress[];
  /** The class that each Ingress names; empty: none. */
  readonly classOf: (ingress: Ingress) => string;
  /** How many were passed over, by class. */
  readonly skipped: ReadonlyMap<string, number>;
  /** How many name no class, and are checked as if they named ours. */
  readonly assumed: number;
}

/** No IngressClass can have this name. */
const ADOPTED = 'sluice check: adopted';

/**
 * Chooses. An Ingress without a class is taken in from manifests, where an API server would give it the default class; of a
 * cluster, which has done so already, only if the flags say so.
 */
export function selectIngresses(
  input: CheckInput,
  settings: Settings,
  further: readonly string[],
  fromCluster: boolean,
): Selection {
  const whole = clusterView(input.store);
  const { translate, controller } = settings;
  const standard = DEFAULT_SETTINGS.translate;
  const names = new Set([standard.ingressClass, translate.ingressClass, ...further]);
  const controllers = new Set([standard.controllerClass, translate.controllerClass]);
  const isNginx = (name: string): boolean => {
    const known = whole.ingressClass(name)?.spec?.controller;
    // What the class itself says counts for more than its name.
    return known === undefined ? names.has(name) : controllers.has(known) || further.includes(name);
  };
  const skipped = new Map<string, number>();
  const ingresses: Ingress[] = [];
  const classes = new Map<Ingress, string>();
  let assumed = 0;
  for (const ingress of whole.ingresses()) {
    const className = ingress.spec?.ingressClassName;
    const named = className ?? ingress.metadata.annotations?.[CLASS_ANNOTATION] ?? '';
    const elsewhere = controller.watchNamespace !== '' && ingress.metadata.namespace !== controller.watchNamespace;
    const verdict = acceptIngress(ingress, whole.ingressClass, translate);
    const served = verdict.accepted || verdict.diagnostics.length > 0;
    const wanted = served || (named === '' ? !fromCluster && defaultIsNginx(input, isNginx) : isNginx(named));
    if (!wanted || elsewhere) {
      skipped.set(named, (skipped.get(named) ?? 0) + 1);
      continue;
    }
    if (!served && named === '') assumed++;
    const chosen = served ? ingress : { ...ingress, spec: { ...ingress.spec, ingressClassName: ADOPTED } };
    ingresses.push(chosen);
    classes.set(chosen, named);
  }
  return {
    view: {
      ...whole,
      ingresses: () => ingresses,
      ingressClass: (name) =>
        name === ADOPTED
          ? { metadata: { name: ADOPTED }, spec: { controller: translate.controllerClass } }
          : whole.ingressClass(name),
    },
    ingresses,
    classOf: (ingress) => classes.get(ingress) ?? '',
    skipped,
    assumed,
  };
}

function defaultIsNginx({ defaultClass }: CheckInput, isNginx: (name: string) => boolean): boolean {
  return defaultClass === null || isNginx(defaultClass);
}
