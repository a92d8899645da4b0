/**
 * ModSecurity and FastCGI: there are none here. What asks for ModSecurity asks for protection, so it denies, unless
 * `--allow-unprotected=modsecurity`.
 */
import type { TranslateSettings } from '../../settings/settings.ts';
import { parseGoBool } from '../../settings/values.ts';
import { type AnnotationSource, DENIED } from '../policy.ts';

const MODSECURITY = ['enable-modsecurity', 'enable-owasp-core-rules', 'modsecurity-snippet', 'modsecurity-transaction-id'] as const;
const FASTCGI = ['fastcgi-index', 'fastcgi-params-configmap'] as const;

/** The annotations that are refused here. */
export const REFUSED_ANNOTATIONS: readonly string[] = [...MODSECURITY, ...FASTCGI, 'stream-snippet'];

const IDLE = 'It has no effect, as in ingress-nginx.';
const UNPROTECTED = 'The Ingress is served without it: --allow-unprotected says modsecurity.';

/** Reports and denies. Never throws. */
export function readRefused(source: AnnotationSource, settings: TranslateSettings): void {
  readModsecurity(source, settings);
  for (const name of FASTCGI) {
    // The backend-protocol that they belong to denies.
    if (isGiven(source, name) && source.text('backend-protocol')?.toUpperCase() !== 'FCGI') {
      source.report('AnnotationUnsupported', 'warning', name, `${name} is for backend-protocol FCGI only`, IDLE);
    }
  }
  if (isGiven(source, 'stream-snippet')) {
    source.denyFor('ingress');
    const message = 'stream-snippet is not supported: for TCP and UDP there are --tcp-services-configmap and --udp-services-configmap';
    source.report('AnnotationUnsupported', 'error', 'stream-snippet', message, DENIED);
  }
}

function isGiven(source: AnnotationSource, name: string): boolean {
  const value = source.value(name);
  return value !== undefined && value !== null && (typeof value !== 'string' || value.trim() !== '');
}

/** As ingress-nginx, the annotation is stronger than the ConfigMap; what cannot be understood counts as asking. */
function readModsecurity(source: AnnotationSource, settings: TranslateSettings): void {
  const given = MODSECURITY.filter((name) => isGiven(source, name));
  const switched = source.value('enable-modsecurity');
  const off = isGiven(source, 'enable-modsecurity')
    ? typeof switched === 'string' && parseGoBool(switched.trim()) === false
    : !settings.enableModsecurity;
  if (off) {
    for (const name of given.filter((one) => one !== 'enable-modsecurity')) {
      if (name === 'enable-owasp-core-rules' && parseGoBool(source.text(name) ?? '') === false) continue;
      source.report('AnnotationUnsupported', 'warning', name, `${name} needs enable-modsecurity`, IDLE);
    }
    return;
  }
  const asked = given.length > 0 ? given[0]! : 'enable-modsecurity';
  const by = isGiven(source, 'enable-modsecurity') ? '' : ' (ConfigMap enable-modsecurity)';
  const message = `ModSecurity is not supported${by}: protect the backend otherwise, or allow its absence by --allow-unprotected=modsecurity`;
  if (settings.allowUnprotected.includes('modsecurity')) {
    source.report('AnnotationUnsupported', 'warning', asked, message, UNPROTECTED);
    return;
  }
  source.denyFor('ingress');
  source.report('AnnotationUnsupported', 'error', asked, message, DENIED);
}
