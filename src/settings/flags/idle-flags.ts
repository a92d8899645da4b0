/**
 * The flags of ingress-nginx that have nothing to do here: accepted, so that the arguments of an existing Deployment start, and
 * each reported with its reason. Those of klog (which ingress-nginx takes as well) end the list.
 */
import { BOOLEAN, text } from '../values/values.ts';
import { section, type Flag } from './flag.ts';

const TEXT = text('value', 'any text');
const idle = section('Accepted without effect');

function valued(name: string, fallback: string, why: string): Flag {
  return { ...idle(name, TEXT, fallback, why, () => ({})), idle: why };
}

function switched(name: string, fallback: boolean, why: string): Flag {
  return { ...idle(name, BOOLEAN, fallback, why, () => ({})), idle: why };
}

const NO_SYNC = 'Every change is served within milliseconds, without a reload that would have to be limited.';
const NO_LISTENER = 'There is no second listener that it could be for.';
const NO_WEBHOOK =
  'There is no admission webhook: remove the ValidatingWebhookConfiguration of ingress-nginx, or the API server refuses every Ingress.';
const NO_PROFILER = 'Node is profiled by other means (--inspect, --cpu-prof).';
const NO_GEOIP = 'Countries and networks of clients are not looked up.';
const NO_NATIVE = 'Histograms have the buckets of --time-buckets and its kin only.';
const NO_KLOG = 'The log goes to stderr, one JSON object a line; --log-level says how much.';

/** In the order of `--help`. */
export const IDLE_FLAGS: readonly Flag[] = [
  switched(
    'deep-inspect',
    true,
    'What an Ingress says is never spliced into a configuration, so nothing of it can be harmful.',
  ),
  switched('enable-annotation-validation', true, 'The values of annotations are always checked.'),
  switched(
    'enable-ssl-chain-completion',
    false,
    'Certificates are served as their Secret has them: put the intermediate certificates into tls.crt.',
  ),
  valued('sync-period', '0s', 'Watches are resumed and listed again where they have gaps; nothing is repeated on a clock.'),
  valued('sync-rate-limit', '0.3', NO_SYNC),
  valued('dynamic-configuration-retries', '15', NO_SYNC),
  valued('validating-webhook', '', NO_WEBHOOK),
  valued('validating-webhook-certificate', '', NO_WEBHOOK),
  valued('validating-webhook-key', '', NO_WEBHOOK),
  switched('disable-full-test', false, NO_WEBHOOK),
  valued('default-server-port', '8181', NO_LISTENER),
  valued('status-port', '10246', NO_LISTENER),
  valued('stream-port', '10247', NO_LISTENER),
  valued('ssl-passthrough-proxy-port', '442', 'Passthrough needs no port of its own.'),
  valued('internal-logger-address', '127.0.0.1:11514', NO_LISTENER),
  valued('health-check-timeout', '10', 'The health check asks no other process that could be slow to answer.'),
  valued(
    'post-shutdown-grace-period',
    '10',
    'The process ends as soon as its last request has: nothing is left that would have to be waited for.',
  ),
  switched('profiling', true, NO_PROFILER),
  valued('profiler-port', '10245', NO_PROFILER),
  valued('profiler-address', '127.0.0.1', NO_PROFILER),
  valued('monitor-max-batch-size', '10000', 'Requests are counted in shared memory, where no batch of them can be lost.'),
  valued('bucket-factor', '0', NO_NATIVE),
  valued('max-buckets', '100', NO_NATIVE),
  valued('maxmind-mirror', '', NO_GEOIP),
  valued('maxmind-license-key', '', NO_GEOIP),
  valued('maxmind-edition-ids', 'GeoLite2-City,GeoLite2-ASN', NO_GEOIP),
  valued('maxmind-retries-count', '1', NO_GEOIP),
  valued('maxmind-retries-timeout', '0s', NO_GEOIP),
  switched('add_dir_header', false, NO_KLOG),
  switched('alsologtostderr', false, NO_KLOG),
  valued('log_backtrace_at', '', NO_KLOG),
  valued('log_dir', '', NO_KLOG),
  valued('log_file', '', NO_KLOG),
  valued('log_file_max_size', '1800', NO_KLOG),
  switched('logtostderr', true, NO_KLOG),
  switched('one_output', false, NO_KLOG),
  switched('skip_headers', false, NO_KLOG),
  switched('skip_log_headers', false, NO_KLOG),
  valued('stderrthreshold', '2', NO_KLOG),
  valued('vmodule', '', NO_KLOG),
];
