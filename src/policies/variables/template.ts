/** Texts with variables of nginx in them, taken apart once: `$name` and `${name}`. What is put in is never read again. */
import type { Template } from '../../model/policies.ts';
import type { Passage } from '../acting.ts';

export type { Template } from '../../model/policies.ts';

/** Literal text, or the name of a variable. */
export type TemplatePart = Template[number];

const KNOWN: ReadonlySet<string> = new Set(
  `scheme pass_access_scheme host http_host best_http_host hostname server_name server_port pass_server_port remote_addr the_real_ip
  request_uri escaped_request_uri uri document_uri request_method request server_protocol args query_string is_args content_type
  content_length remote_user request_id req_id proxy_add_x_forwarded_for https namespace ingress_name service_name service_port location_path
  proxy_upstream_name literal_dollar connection_upgrade time_iso8601 msec ssl_client_verify ssl_client_s_dn ssl_client_i_dn ssl_client_escaped_cert`.split(
    /\s+/,
  ),
);
const FAMILY = /^(?:http|cookie|arg)_\w+$/;

/** A variable that can be put in. `proxy/variables.ts` says what it is worth. */
export function isVariable(name: string): boolean {
  return KNOWN.has(name) || FAMILY.test(name);
}

/** Takes a text apart. `knows`: further variables. Returns the name of the first that nobody knows in `unknown`. */
export function parseTemplate(
  text: string,
  knows: (name: string) => boolean = () => false,
): { readonly template: Template } | { readonly unknown: string } {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
    const name = match[1] ?? match[2]!;
    if (!isVariable(name) && !knows(name)) return { unknown: name };
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push({ variable: name });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return { template: parts };
}

/** Puts the values in. */
export function expand(template: Template, passage: Pick<Passage, 'variable'>): string {
  let text = '';
  for (const part of template) text += typeof part === 'string' ? part : passage.variable(part.variable);
  return text;
}
