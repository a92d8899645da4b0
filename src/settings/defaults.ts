/** The settings when nothing is said: the defaults of all flags and keys, and the limits that neither can change. */
import { CONFIG_KEYS, DEFAULT_HSTS, strictTransportSecurity } from './config-keys.ts';
import { FLAGS } from './flags/flags.ts';
import { type SettingsPatch, withPatch } from './patch.ts';
import type { Settings } from './settings.ts';

/** What no flag or key sets. Where nginx has such a limit without a key in ingress-nginx, it is nginx's default. */
const FIXED: SettingsPatch = {
  proxy: {
    // nginx's send_timeout.
    clientSendTimeout: 60_000,
    tlsHandshakeTimeout: 10_000,
    // nginx's keepalive_time, lingering_time and lingering_timeout.
    keepAliveTime: 3_600_000,
    lingeringTime: 30_000,
    lingeringTimeout: 5_000,
    halfClosedTimeout: 2_000,
    http2PrefaceTimeout: 5_000,
    http2StreamWindow: 65_536,
    http2ConnectionWindow: 1_048_576,
    http2MaxResets: 200,
    http2MaxControlFrames: 200,
    http2MaxOverhead: 65_536,
    maxRequestHeaders: 100,
    maxDiscardedBody: 65_536,
    // Node's own limit after CVE-2024-22019.
    maxChunkExtensionSize: 16_384,
    maxTrailerSize: 8_192,
    maxTrailers: 64,
    maxResponseHeaders: 100,
    maxInterimResponses: 10,
    maxUdpQueue: 262_144,
    strictTransportSecurity: strictTransportSecurity(DEFAULT_HSTS),
  },
  translate: {
    zone: '',
  },
  controller: {
    podName: '',
    podNamespace: 'default',
  },
};

const NOTHING = { proxy: {}, translate: {}, controller: {} };

/** The defaults. Whether they are complete, the type checker cannot see; a test does. */
export const DEFAULT_SETTINGS: Settings = [
  FIXED,
  ...CONFIG_KEYS.map((key) => key.defaults),
  ...FLAGS.map((flag) => flag.defaults),
].reduce(withPatch, NOTHING as unknown as Settings);
