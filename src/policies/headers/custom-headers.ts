/** `custom-headers`: the fields of a ConfigMap are set in all responses, if ConfigMap `global-allowed-response-headers` lists them. */
import type { HeaderText } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import { quote } from '../../model/report.ts';
import { isDnsName } from '../../settings/values/values.ts';
import type { ResponseStep } from '../acting.ts';
import type { ObjectReference, RoutePolicy } from '../policy.ts';
import { headerSetter, readHeaders, type ValueReader } from './header-texts.ts';

const NAME = 'custom-headers';

/** What ingress-nginx takes for a value. A "$" is one: the template escapes it. */
const VALUE = /^[a-zA-Z\d_ :;.,\\/"'?!(){}[\]@<>=\-+*#$&`|~^%]+$/;
const asItIs: ValueReader = (value) => (VALUE.test(value) ? [value] : 'has a value with characters that are not taken');

/** What cannot be had in full, denies (internal/ingress/annotations/customheaders/main.go): headers often protect. */
export const customHeaders: RoutePolicy<readonly HeaderText[], ObjectReference> = {
  annotations: [NAME],
  read: (source) => {
    const value = source.value(NAME);
    const text = source.text(NAME);
    if (text === undefined) {
      if (value !== undefined && value !== null && typeof value !== 'string') source.deny(NAME, 'the name of a ConfigMap');
      return undefined;
    }
    const parts = text.split('/');
    const [namespace, name] = parts.length === 1 ? [source.namespace, text] : [parts[0]!, parts[1]!];
    if (parts.length <= 2 && isDnsName(namespace) && isDnsName(name)) return { kind: 'ConfigMap', namespace, name };
    source.deny(NAME, 'the name of a ConfigMap, with or without its namespace');
    return undefined;
  },
  references: (reference) => [reference],
  resolve: ({ namespace, name }, at) => {
    const named = `the ConfigMap ${quote(`${namespace}/${name}`)}`;
    const configMap = at.configMap(namespace, name);
    if (configMap === undefined) {
      at.deny('ConfigMapNotFound', NAME, `${named} does not exist`);
      return undefined;
    }
    const { headers, problems } = readHeaders(configMap, asItIs);
    const allowed = new Set(at.settings.globalAllowedResponseHeaders.map((one) => one.toLowerCase()));
    const refused = headers.filter((one) => !allowed.has(one.name.toLowerCase()));
    const [problem] = problems;
    if (problem !== undefined) at.deny('ConfigMapInvalid', NAME, `${quote(problem.name)} of ${named} ${problem.problem}`);
    else if (refused.length > 0)
      at.deny(
        'ConfigMapInvalid',
        NAME,
        `${quote(refused[0]!.name)} of ${named} is not in global-allowed-response-headers of the ConfigMap of settings`,
      );
    return headers.length === 0 ? undefined : headers;
  },
};

export function customHeadersStep({ policies }: Route): ResponseStep | null {
  if (policies.customHeaders === undefined) return null;
  const set = headerSetter(policies.customHeaders);
  return (passage) => set(passage, passage.response);
}
