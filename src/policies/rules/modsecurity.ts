/**
 * ModSecurity and `stream { }`: there are none here. What asks for ModSecurity asks for protection, so it denies, unless
 * `--allow-unprotected=modsecurity`.
 */
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { parseGoBool } from '../../settings/values/values.ts';
import { type AnnotationSource, DENIED } from '../policy.ts';

/** The annotations that are refused here. */
export const REFUSED_ANNOTATIONS: readonly string[] = [
  'enable-modsecurity',
  'enable-owasp-core-rules',
  'modsecurity-snippet',
  'stream-snippet',
];

const UNPROTECTED = 'The Ingress is served without it: --allow-unprotected says modsecurity.';

/** Reports and denies. Never throws. */
export function readRefused(source: AnnotationSource, settings: TranslateSettings): void {
  readModsecurity(source, settings);
  if (!isGiven(source, 'stream-snippet')) return;
  source.denyFor('ingress');
  const message =
    'stream-snippet is not supported: for TCP and UDP there are --tcp-services-configmap and --udp-services-configmap';
  source.report('AnnotationUnsupported', 'error', 'stream-snippet', message, DENIED);
}

function isGiven(source: AnnotationSource, name: string): boolean {
  const value = source.value(name);
  return value !== undefined && value !== null && (typeof value !== 'string' || value.trim() !== '');
}

/** What cannot be understood does not say "off". */
function isOff(source: AnnotationSource, name: string): boolean {
  const value = source.value(name);
  return !isGiven(source, name) || (typeof value === 'string' && parseGoBool(value.trim()) === false);
}

/**
 * As in ingress-nginx the annotation is stronger than the ConfigMap. Rules without the switch do nothing there; here they deny, for
 * whoever wrote them counts on them.
 */
function askedBy(source: AnnotationSource, settings: TranslateSettings): string | null {
  if (isGiven(source, 'enable-modsecurity')) return isOff(source, 'enable-modsecurity') ? null : 'enable-modsecurity';
  if (!isOff(source, 'enable-owasp-core-rules')) return 'enable-owasp-core-rules';
  if (isGiven(source, 'modsecurity-snippet')) return 'modsecurity-snippet';
  return settings.enableModsecurity ? 'enable-modsecurity' : null;
}

function readModsecurity(source: AnnotationSource, settings: TranslateSettings): void {
  const name = askedBy(source, settings);
  if (name === null) return;
  const by = isGiven(source, name) ? name : 'enable-modsecurity (of the ConfigMap)';
  const message = `${by}: there is no ModSecurity here; protect the backend otherwise, or say --allow-unprotected=modsecurity`;
  if (settings.allowUnprotected.includes('modsecurity')) {
    source.report('AnnotationUnsupported', 'warning', name, message, UNPROTECTED);
    return;
  }
  source.denyFor('ingress');
  source.report('AnnotationUnsupported', 'error', name, message, DENIED);
}
