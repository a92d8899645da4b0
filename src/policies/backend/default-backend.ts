/** `default-backend`: another Service of the same namespace, used while the rule's Service has no endpoint. */
import type { PolicyReader } from '../policy.ts';

/** A Service's name is a DNS label (RFC 1035 until v1.33, RFC 1123 since). */
export const SERVICE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The name of the Service, whose first port is used; null: none. */
export const defaultBackend: PolicyReader<string | null> = {
  annotations: ['default-backend'],
  read: (source) => {
    const name = source.text('default-backend');
    if (name === undefined) return null;
    if (SERVICE_NAME.test(name)) return name;
    source.invalid(
      'default-backend',
      'the name of a Service',
      'Requests for a Service without endpoints are answered with 503.',
    );
    return null;
  },
};
