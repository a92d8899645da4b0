/** `ssl-passthrough`: TLS for the hosts of the Ingress is not terminated here, but passes through to the backend of their path "/". */
import { quote } from '../../model/report.ts';
import { parseGoBool } from '../../settings/values/values.ts';
import type { PolicyReader } from '../policy.ts';
import { parseText } from '../values.ts';

/**
 * Whether the Ingress asks for it. `denied`: it may, but cannot have it, and whose TLS the backend alone is to terminate must not be
 * served in the clear behind ours. It holds for a whole host.
 */
export type SslPassthroughWish = 'on' | 'off' | 'denied';

const NAME = 'ssl-passthrough';
const DENIED =
  'Every path of its hosts is answered with 503, also those of other Ingresses of its namespace, and of all where it is the oldest of the host.';

/** Reads the wish. The oldest Ingress of a host decides whether its TLS passes through. */
export const sslPassthrough: PolicyReader<SslPassthroughWish> = {
  annotations: [NAME],
  read: (source, settings) => {
    const value = source.value(NAME);
    const text =
      typeof value === 'string' ? parseText(value) : value === undefined || value === null ? undefined : quote(value);
    if (text === undefined) return 'off';
    const asked = parseGoBool(text);
    if (asked === undefined) {
      source.report('AnnotationInvalid', 'error', NAME, `${NAME}: ${quote(text)} is not a boolean ("true" or "false")`, DENIED);
      return 'denied';
    }
    if (asked && !settings.sslPassthrough) {
      source.report('AnnotationUnsupported', 'error', NAME, `${NAME} needs --enable-ssl-passthrough`, DENIED);
      return 'denied';
    }
    return asked ? 'on' : 'off';
  },
};
