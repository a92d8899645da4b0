/** What holds for annotations whatever they are: their risk, forbidden words, and the prefix that counts. */
import { quote } from '../../model/report.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { type AnnotationSource, DENIED, DENIED_HOSTS } from '../policy.ts';
import { isAbove, riskOf } from './risk.ts';

const DEFAULT_PREFIX = 'nginx.ingress.kubernetes.io';
/** Each report becomes an Event. */
const REPORTED = 10;
/** In ingress-nginx they hold for all Ingresses of their hosts. */
const OF_HOSTS: ReadonlySet<string> = new Set(['auth-tls-secret']);

/** ingress-nginx takes such an Ingress for one that is not there. */
const NO_CANARY = 'No request is sent to the canary.';

/**
 * Reports and denies. `names`: the annotations that this controller knows; `annotations`: all that the Ingress has, whatever the API
 * gave; `canary`: it has no paths that could be denied, and is to be left out. Never throws.
 */
export function readRules(
  source: AnnotationSource,
  annotations: unknown,
  names: { readonly has: (name: string) => boolean },
  canary: boolean,
  settings: TranslateSettings,
): void {
  const { annotationsRiskLevel: level, annotationValueWordBlocklist: words } = settings;
  for (const name of source.names()) {
    const value = source.value(name);
    if (value === undefined || value === null) continue;
    const message = problemOf(name, value, names.has(name), level, words);
    if (message === null) continue;
    const hosts = OF_HOSTS.has(name);
    source.denyFor(hosts ? 'hosts' : 'ingress');
    source.report('AnnotationForbidden', 'error', name, message, canary ? NO_CANARY : hosts ? DENIED_HOSTS : DENIED);
  }
  reportDefaultPrefix(source, annotations, settings.annotationsPrefix);
}

function problemOf(
  name: string,
  value: unknown,
  known: boolean,
  level: TranslateSettings['annotationsRiskLevel'],
  words: readonly string[],
): string | null {
  const empty = typeof value === 'string' && value.trim() === '';
  // What is Critical is text of nginx's configuration, and refused or allowed where it is read.
  if (known && !empty && riskOf(name) !== 'Critical' && isAbove(name, level)) {
    return `${name} is of risk ${riskOf(name)}, and the ConfigMap allows no more than ${level} (annotations-risk-level)`;
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const word = words.find((one) => text.includes(one));
  return word === undefined
    ? null
    : `${quote(name)} holds ${quote(word)}, which the ConfigMap forbids (annotation-value-word-blocklist)`;
}

/** They have no effect; ingress-nginx's webhook refuses such an Ingress. */
function reportDefaultPrefix(source: AnnotationSource, annotations: unknown, prefix: string): void {
  if (prefix === DEFAULT_PREFIX || typeof annotations !== 'object' || annotations === null) return;
  const names = Object.keys(annotations).filter((name) => name.startsWith(`${DEFAULT_PREFIX}/`));
  for (const name of names.sort().slice(0, REPORTED)) {
    source.reportField(
      'AnnotationUnknown',
      'warning',
      `metadata.annotations[${quote(name).slice(1, -1)}]`,
      `${quote(name)} has the prefix ${DEFAULT_PREFIX}, and this controller reads ${prefix} (--annotations-prefix)`,
      'It has no effect.',
    );
  }
}
