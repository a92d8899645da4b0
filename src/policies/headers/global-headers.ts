/** ConfigMap `add-headers`, `proxy-set-headers` and `hide-headers`: they hold for all routes, also those of no Ingress. */
import type { HeaderText } from '../../model/policies.ts';
import { diagnostic, quote } from '../../model/report.ts';
import type { Diagnostic, ObjectRef } from '../../model/diagnostic.ts';
import type { ConfigMap } from '../../model/objects.ts';
import type { Route } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import type { RequestStep, ResponseStep } from '../acting.ts';
import type { RoutePolicy } from '../policy.ts';
import { headerSetter, readHeaders, withVariables } from './header-texts.ts';

type Name = 'addHeaders' | 'proxySetHeaders';

function fromConfigMap(setting: Name): RoutePolicy<readonly HeaderText[], NonNullable<TranslateSettings[Name]>> {
  return {
    annotations: [],
    everywhere: true,
    read: (_, settings) => settings[setting] ?? undefined,
    // Watched as a setting, not for an Ingress. Without it, requests are served: so does ingress-nginx.
    resolve: ({ namespace, name }, at) => {
      const configMap = at.configMap(namespace, name);
      const headers = configMap === undefined ? [] : readHeaders(configMap, withVariables).headers;
      return headers.length === 0 ? undefined : headers;
    },
  };
}

/** Fields of all responses. */
export const addHeaders = fromConfigMap('addHeaders');
/** Fields of all requests to backends. */
export const proxySetHeaders = fromConfigMap('proxySetHeaders');

/** Fields of backends that clients do not get (nginx's proxy_hide_header). */
export const hideHeaders: RoutePolicy<readonly string[]> = {
  annotations: [],
  everywhere: true,
  read: (_, { hideHeaders: names }) => (names.length === 0 ? undefined : names.map((name) => name.toLowerCase())),
  resolve: (names) => names,
};

const SETTINGS: readonly (readonly [Name, string])[] = [
  ['addHeaders', 'add-headers'],
  ['proxySetHeaders', 'proxy-set-headers'],
];

/** The ConfigMaps that they name. */
export function headerConfigMaps(
  settings: TranslateSettings,
): readonly { readonly namespace: string; readonly name: string }[] {
  return SETTINGS.map(([setting]) => settings[setting]).filter((name) => name !== null);
}

/** One of them. */
export function isHeaderConfigMap(
  settings: TranslateSettings,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): boolean {
  return headerConfigMaps(settings).some((one) => one.namespace === namespace && one.name === name);
}

/** What is wrong with these ConfigMaps. */
export function headerConfigMapProblems(
  settings: TranslateSettings,
  configMap: (namespace: string, name: string) => ConfigMap | undefined,
): readonly Diagnostic[] {
  return SETTINGS.flatMap(([setting, key]) => {
    const named = settings[setting];
    if (named === null) return [];
    const object: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', ...named };
    const found = configMap(named.namespace, named.name);
    if (found === undefined) {
      const message = `the ConfigMap that ${key} names does not exist`;
      return [diagnostic(object, 'ConfigMapNotFound', 'error', '', message, 'Requests are served without its headers.')];
    }
    return readHeaders(found, withVariables).problems.map(({ name, problem }) => {
      const message = `${quote(name)} ${problem} (${key})`;
      return diagnostic(object, 'ConfigMapInvalid', 'error', `data[${quote(name)}]`, message, 'The other headers are set.');
    });
  });
}

export function addHeadersStep({ policies }: Route): ResponseStep | null {
  if (policies.addHeaders === undefined) return null;
  const set = headerSetter(policies.addHeaders);
  return (passage) => set(passage, passage.response);
}

export function proxySetHeadersStep({ policies }: Route): RequestStep | null {
  if (policies.proxySetHeaders === undefined) return null;
  const set = headerSetter(policies.proxySetHeaders);
  return (passage) => {
    set(passage, passage.upstream);
    return null;
  };
}

/** Of error backends, too; our own answers are no backend's. */
export function hideHeadersStep({ policies: { hideHeaders: names } }: Route): ResponseStep | null {
  if (names === undefined) return null;
  // With `hsts` the backend's is dropped anyway, and our own is not to be.
  const others = names.filter((name) => name !== 'strict-transport-security');
  return ({ response, answering, settings }) => {
    if (!answering) return;
    for (const name of settings.strictTransportSecurity === null ? names : others) response.rewrite(name, '');
  };
}
