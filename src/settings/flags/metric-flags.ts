/** The flags about the metrics of requests. */
import { BOOLEAN, list, type ValueType } from '../values/values.ts';
import { section, type Flag } from './flag.ts';

/** More would make every series of every histogram large: a worker has up to 16,384 of them. */
const MAX_BUCKETS = 64;

const BUCKETS: ValueType<readonly number[]> = {
  word: 'numbers',
  expected: `up to ${MAX_BUCKETS} rising numbers, separated by commas, such as 0.1,0.5,1`,
  parse: (value) => {
    const bounds = value.split(',').map((part) => (/^\s*\d*\.?\d+(?:e[+-]?\d+)?\s*$/i.test(part) ? Number(part) : Number.NaN));
    const rising = bounds.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > bounds[index - 1]!));
    return rising && bounds.length <= MAX_BUCKETS ? bounds : undefined;
  },
  format: (bounds) => bounds.join(','),
};

const NAMES = list('metrics', 'names of metrics, separated by commas', (name) => /^[a-z_][a-z0-9_]*$/i.test(name));

/** Prometheus's default buckets, in seconds. */
const TIME_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LENGTH_BUCKETS: readonly number[] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
const SIZE_BUCKETS: readonly number[] = [10, 100, 1e3, 1e4, 1e5, 1e6, 1e7];

const health = section('Health, metrics and logs');

/** In the order of `--help`. */
export const METRIC_FLAGS: readonly Flag[] = [
  health('metrics-per-host', BOOLEAN, true, 'Give metrics the label "host".', (metricsPerHost) => ({
    controller: { metricsPerHost },
  })),
  health(
    'metrics-per-undefined-host',
    BOOLEAN,
    false,
    'Count requests for hosts that no Ingress names, or only by a wildcard, by the host they are for. Clients choose it: only so many are told apart.',
    (metricsPerUndefinedHost) => ({ proxy: { metricsPerUndefinedHost } }),
  ),
  health(
    'report-status-classes',
    BOOLEAN,
    false,
    'Label metrics with the class of the status (2xx, 3xx, 4xx, 5xx) in its place.',
    (metricsStatusClasses) => ({ proxy: { metricsStatusClasses } }),
  ),
  health('time-buckets', BUCKETS, TIME_BUCKETS, 'The buckets of durations, in seconds.', (timeBuckets) => ({
    proxy: { timeBuckets },
  })),
  health(
    'length-buckets',
    BUCKETS,
    LENGTH_BUCKETS,
    'The buckets of request_size and response_size, in bytes.',
    (lengthBuckets) => ({
      proxy: { lengthBuckets },
    }),
  ),
  health('size-buckets', BUCKETS, SIZE_BUCKETS, 'The buckets of bytes_sent, in bytes.', (sizeBuckets) => ({
    proxy: { sizeBuckets },
  })),
  health(
    'exclude-socket-metrics',
    NAMES,
    [],
    'Leave out these metrics of requests, with or without the prefix nginx_ingress_controller_.',
    (metricsExcluded) => ({ controller: { metricsExcluded } }),
  ),
];
