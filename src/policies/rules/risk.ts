/** How much harm ingress-nginx takes each annotation to be capable of (internal/ingress/annotations, the `Risk` of each). */
import type { TranslateSettings } from '../../settings/translate-settings.ts';

type Risk = TranslateSettings['annotationsRiskLevel'];

const LEVELS: readonly Risk[] = ['Low', 'Medium', 'High', 'Critical'];

const RISKS = new Map<string, Risk>();

function rated(risk: Risk, names: string): void {
  for (const name of names.trim().split(/\s+/)) RISKS.set(name, risk);
}

rated('Critical', 'auth-snippet configuration-snippet modsecurity-snippet server-snippet stream-snippet');
rated(
  'High',
  `auth-signin auth-tls-error-page auth-tls-match-cn auth-url mirror-host mirror-target modsecurity-transaction-id proxy-ssl-name
  server-alias upstream-hash-by`,
);
rated(
  'Medium',
  `allowlist-source-range app-root auth-cache-duration auth-cache-key auth-proxy-set-headers auth-realm auth-request-redirect
  auth-response-headers auth-secret auth-signin-redirect-param auth-tls-secret canary-by-cookie canary-by-header
  canary-by-header-pattern canary-by-header-value cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers
  custom-headers denylist-source-range fastcgi-index fastcgi-params-configmap force-ssl-redirect opentelemetry-operation-name
  permanent-redirect preserve-trailing-slash proxy-body-size proxy-next-upstream proxy-redirect-from proxy-redirect-to
  proxy-ssl-ciphers proxy-ssl-secret rewrite-target session-cookie-domain session-cookie-expires session-cookie-max-age
  session-cookie-name session-cookie-path temporal-redirect whitelist-source-range x-forwarded-prefix`,
);

/** The risk of an annotation, by its name without prefix; `Low` for those that have no other. */
export function riskOf(name: string): Risk {
  return RISKS.get(name) ?? 'Low';
}

/** Whether an annotation is of a higher risk than the level allows. */
export function isAbove(name: string, level: Risk): boolean {
  return LEVELS.indexOf(riskOf(name)) > LEVELS.indexOf(level);
}
