import { expect, it } from 'vitest';
import { openFilesLimit, withinOpenFiles } from '../../../src/proxy/workers/open-files.ts';
import { proxySettings } from '../../support/proxy.ts';

const SETTINGS = proxySettings();

it.each([
  ['no limit', Infinity, 2, 16_384, { maxConnections: 16_384, upstreamKeepAliveConnections: 320 }],
  ['the usual limit of a container', 1_048_576, 16, 16_384, { maxConnections: 16_384, upstreamKeepAliveConnections: 320 }],
  ['no limit, and none wanted', Infinity, 1, 0, { maxConnections: Number.MAX_SAFE_INTEGER, upstreamKeepAliveConnections: 320 }],
  [
    'as many as there are',
    20_128,
    1,
    0,
    { maxConnections: 11_808, upstreamKeepAliveConnections: 320, streamUdpSessions: 1968 },
  ],
  ['the limit of a shell', 1_024, 2, 16_384, { maxConnections: 201, upstreamKeepAliveConnections: 112, streamUdpSessions: 33 }],
  [
    'fewer wanted than allowed',
    1_024,
    2,
    100,
    { maxConnections: 100, upstreamKeepAliveConnections: 112, streamUdpSessions: 33 },
  ],
  ['next to nothing', 64, 4, 16_384, { maxConnections: 7, upstreamKeepAliveConnections: 4, streamUdpSessions: 1 }],
])('connections fit into open files: %s', (_, openFiles, workers, maxConnections, expected) => {
  expect(withinOpenFiles({ ...SETTINGS, maxConnections }, openFiles, workers)).toEqual({ ...SETTINGS, ...expected });
});

it('the system says how many files may be open, or nothing does', () => {
  expect(openFilesLimit()).toBeGreaterThan(0);
});
