/** Directives of nginx that are known here, and not acted upon. */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Those that change how nginx works, not what it answers: reported, and otherwise harmless. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set(
  words(`gzip_types gzip_min_length gzip_comp_level gzip_vary gzip_proxied gzip_buffers gzip_http_version brotli_types
  brotli_comp_level large_client_header_buffers client_header_buffer_size client_body_buffer_size client_header_timeout
  keepalive_timeout keepalive_requests send_timeout tcp_nodelay tcp_nopush sendfile log_not_found log_subrequest rewrite_log
  chunked_transfer_encoding proxy_buffering proxy_buffer_size proxy_buffers proxy_busy_buffers_size proxy_max_temp_file_size
  proxy_temp_file_write_size proxy_request_buffering proxy_socket_keepalive proxy_headers_hash_max_size
  proxy_headers_hash_bucket_size http2_push_preload output_buffers postpone_output lingering_close reset_timedout_connection
  proxy_cache_bypass proxy_no_cache proxy_cache_valid proxy_cache_key proxy_cache_use_stale proxy_cache_lock
  proxy_cache_lock_timeout proxy_cache_revalidate proxy_cache_background_update proxy_cache_methods proxy_cache_min_uses
  proxy_ignore_headers underscores_in_headers ignore_invalid_headers server_tokens`),
);

/** The same, but only with this argument: it is what holds anyway. */
export const WITHOUT_EFFECT_IF: ReadonlyMap<string, string> = new Map([
  ['proxy_cache', 'off'],
  ['proxy_intercept_errors', 'off'],
  ['access_log', 'off'],
  ['proxy_ssl_verify', 'off'],
  ['proxy_ssl_server_name', 'on'],
  ['proxy_http_version', '1.1'],
  ['proxy_pass_request_headers', 'on'],
  ['proxy_pass_request_body', 'on'],
  ['etag', 'on'],
  ['absolute_redirect', 'on'],
  ['port_in_redirect', 'off'],
  ['merge_slashes', 'on'],
]);

/** What to use in the place of a directive: an annotation or a key of the ConfigMap. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ...words('proxy_read_timeout proxy_send_timeout proxy_connect_timeout proxy_cookie_path proxy_cookie_domain').map(
    (name) => [name, `the annotation ${name.replaceAll('_', '-')}`] as const,
  ),
  ['client_max_body_size', 'the annotation proxy-body-size'],
  ['proxy_redirect', 'the annotations proxy-redirect-from and proxy-redirect-to'],
  ['proxy_next_upstream', 'the annotation proxy-next-upstream'],
  ['proxy_next_upstream_tries', 'the annotation proxy-next-upstream-tries'],
  ['error_page', 'the annotations custom-http-errors and default-backend'],
  ['proxy_intercept_errors', 'the annotation custom-http-errors'],
  ['auth_request', 'the annotation auth-url'],
  ['auth_basic', 'the annotations auth-type and auth-secret'],
  ['auth_basic_user_file', 'the annotations auth-type and auth-secret'],
  ['satisfy', 'the annotation satisfy'],
  ['mirror', 'the annotation mirror-target'],
  ['access_log', 'the annotation enable-access-log'],
  ['limit_req', 'the annotation limit-rps'],
  ['limit_conn', 'the annotation limit-connections'],
  ['limit_req_status', 'the ConfigMap key limit-req-status-code'],
  ['limit_conn_status', 'the ConfigMap key limit-conn-status-code'],
  ['limit_rate', 'the annotation limit-rate'],
  ['proxy_ssl_name', 'the annotation proxy-ssl-name'],
  ['proxy_ssl_verify', 'the annotation proxy-ssl-verify'],
  ['proxy_pass', 'a rule of an Ingress'],
  ['server_name', 'the annotation server-alias'],
  ['real_ip_header', 'the ConfigMap key forwarded-for-header'],
  ['set_real_ip_from', 'the ConfigMap key proxy-real-ip-cidr'],
  ['alias', 'a backend that serves files'],
  ['root', 'a backend that serves files'],
  ['try_files', 'a backend that serves files'],
]);

/** Why a directive is refused, and what to do. */
export function refusal(name: string): string {
  const instead = INSTEAD.get(name);
  const what = name.includes('_by_lua') ? 'is Lua, which nothing here runs' : 'is no directive that snippets may have here';
  return instead === undefined ? what : `${what}; use ${instead}`;
}
