/** The syntax of names, labels and ports (k8s.io/apimachinery/pkg/util/validation). Each function returns what is wrong, undefined when nothing is. */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const WILDCARD = /^\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD_MESSAGE =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_MESSAGE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** A DNS-1123 label. */
export function labelFault(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return LABEL.test(value) ? undefined : LABEL_MESSAGE;
}

/** A DNS-1035 label: begins with a letter. */
export function label1035Fault(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return LABEL_1035.test(value) ? undefined : LABEL_1035_MESSAGE;
}

/** A DNS-1123 subdomain. */
export function subdomainFault(value: string): string | undefined {
  if (value.length > 253) return 'must be no more than 253 characters';
  return SUBDOMAIN.test(value) ? undefined : SUBDOMAIN_MESSAGE;
}

/** `*.` and a DNS-1123 subdomain. */
export function wildcardFault(value: string): string | undefined {
  if (value.length > 253) return 'must be no more than 253 characters';
  return WILDCARD.test(value) ? undefined : WILDCARD_MESSAGE;
}

/** Anything that can be one segment of a URL path. */
export function pathSegmentFault(value: string): string | undefined {
  if (value === '.' || value === '..') return `may not be '${value}'`;
  if (value.includes('/')) return "may not contain '/'";
  return value.includes('%') ? "may not contain '%'" : undefined;
}

/** The key of a label or annotation: an optional DNS prefix, a slash, a name. */
export function qualifiedNameFault(value: string): string | undefined {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) {
    return `a qualified name ${QUALIFIED_MESSAGE.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') return 'prefix part must be non-empty';
    const fault = subdomainFault(prefix);
    if (fault !== undefined) return `prefix part ${fault}`;
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  return QUALIFIED.test(name) ? undefined : QUALIFIED_MESSAGE;
}

/** The value of a label. */
export function labelValueFault(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return LABEL_VALUE.test(value) ? undefined : LABEL_VALUE_MESSAGE;
}

/** The key of a ConfigMap or Secret. */
export function configKeyFault(value: string): string | undefined {
  if (value.length > 253) return 'must be no more than 253 characters';
  if (!CONFIG_KEY.test(value)) {
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  }
  if (value === '.' || value === '..') return `must not be '${value}'`;
  return value.startsWith('..') ? `must not start with '..'` : undefined;
}

/** The name of a port, as an IANA service name (RFC 6335). */
export function portNameFaults(value: string): string[] {
  const faults: string[] = [];
  if (value.length > 15) faults.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(value)) faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) faults.push('must contain at least one letter (a-z)');
  if (value.includes('--')) faults.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) faults.push('must not begin or end with a hyphen');
  return faults;
}

/** Whether a number can be a port. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** Kubernetes' words for a port out of range. */
export const PORT_RANGE = 'must be between 1 and 65535, inclusive';
