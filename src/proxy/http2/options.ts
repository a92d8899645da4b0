import type { ServerSessionOptions } from 'node:http2';
import type { ProxySettings } from '../../settings/settings.ts';

/** Pseudo-header fields, and cookies that come in pieces (RFC 9113 §8.2.3): beside the fields that are counted as lines of a head. */
const MORE_FIELDS = 108;

/** What `node:http2` sees to itself: the limits that are enforced before a stream is heard of. */
export function sessionOptions(settings: ProxySettings): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: settings.http2MaxConcurrentStreams,
      initialWindowSize: settings.http2StreamWindow,
      // With 32 bytes a field, which no line has (RFC 9113 §6.5.2).
      maxHeaderListSize: settings.maxRequestHeadSize,
      enablePush: false,
      enableConnectProtocol: true,
    },
    // Cookies in pieces are one line; a bomb is thousands (CVE-2026-47774).
    maxHeaderListPairs: settings.maxRequestHeaders + MORE_FIELDS,
    // Among them those that make us reset a stream (CVE-2025-8671).
    maxSessionInvalidFrames: settings.http2MaxControlFrames,
    maxSessionRejectedStreams: settings.http2MaxResets,
    // CVE-2023-44487.
    streamResetBurst: settings.http2MaxResets,
    streamResetRate: settings.http2MaxResets,
    maxSettings: 32,
    // A response may have a field several times, as a request in HTTP/1.1.
    strictSingleValueFields: false,
    strictFieldWhitespaceValidation: true,
  };
}
