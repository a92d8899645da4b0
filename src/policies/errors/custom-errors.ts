/**
 * `custom-http-errors`, `disable-proxy-intercept-errors` and the keys of the ConfigMap of the same names: errors are answered by the
 * default backend (nginx.tmpl, "CUSTOM_ERRORS").
 */
import type { CustomErrors } from '../../model/policies.ts';
import { groupId, type GroupId } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { SERVICE_NAME } from '../backend/default-backend.ts';
import type { AnnotationSource, RouteContext, RoutePolicy } from '../policy.ts';

const CODES = 'custom-http-errors';
const DISABLE = 'disable-proxy-intercept-errors';

interface CustomErrorsWish {
  readonly codes: readonly number[];
  readonly ofIngress: boolean;
  readonly ownOnly: boolean;
  /** The Service of the annotation `default-backend`. */
  readonly service: string | null;
}

export const customErrors: RoutePolicy<CustomErrors, CustomErrorsWish> = {
  annotations: [CODES, DISABLE],
  everywhere: true,
  read: (source, settings) => {
    const disabled = source.bool(DISABLE, false);
    const codes = readCodes(source);
    if (codes !== null) return { codes, ofIngress: true, ownOnly: disabled, service: serviceOf(source) };
    const { customHttpErrors, disableProxyInterceptErrors } = settings;
    if (customHttpErrors.length === 0) return undefined;
    // Those of the ConfigMap go to the default backend of all, whatever the Ingress has.
    return { codes: customHttpErrors, ofIngress: false, ownOnly: disableProxyInterceptErrors, service: null };
  },
  resolve: ({ codes, ofIngress, ownOnly, service }, at) => {
    const backends: GroupId[] = [];
    if (service !== null && at.serviceExists(at.namespace, service)) backends.push(groupId(at.namespace, service, ''));
    const common = commonBackend(at);
    if (common !== null) backends.push(common);
    if (backends.length === 0 && ofIngress) {
      const served = 'The built-in default backend answers them with 404, as in ingress-nginx.';
      at.report('AnnotationInvalid', 'warning', CODES, 'there is no default backend to answer these errors', served);
    }
    return { codes, ofIngress, ownOnly, backends };
  },
};

/** A list without an item that is no code; null: there is none, and that of the ConfigMap holds. */
function readCodes(source: AnnotationSource): readonly number[] | null {
  const text = source.text(CODES);
  if (text === undefined) return null;
  const items = text.replaceAll(' ', '').split(',');
  if (items.every((item) => /^[45]\d\d$/.test(item))) return items.map(Number);
  source.invalid(CODES, 'a list of statuses from 400 to 599', 'The list of the ConfigMap, or none, is used.');
  return null;
}

function serviceOf(source: AnnotationSource): string | null {
  const name = source.text('default-backend');
  return name !== undefined && SERVICE_NAME.test(name) ? name : null;
}

/** `--default-backend-service`. */
function commonBackend({
  settings,
  serviceExists,
}: {
  settings: TranslateSettings;
  serviceExists: RouteContext['serviceExists'];
}): GroupId | null {
  const service = settings.defaultBackendService;
  return service !== null && serviceExists(service.namespace, service.name)
    ? groupId(service.namespace, service.name, '')
    : null;
}
