/** What upstream groups need of their worker. */
import { EJECTIONS, RETRIES_DENIED } from '../../observe/series.ts';
import type { SeriesWriter } from '../../observe/series-writer.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { GroupContext } from '../upstream/group.ts';

/** All connections of a worker read from upstreams into one buffer of this size. */
const READ_BUFFER = 65_536;

/** `parts`: what the groups share with the rest of the worker. */
export function groupContext(
  onBug: (error: unknown) => void,
  settings: () => ProxySettings,
  parts: Pick<GroupContext, 'deadlines' | 'outbox' | 'idle'>,
  writer: SeriesWriter,
): GroupContext {
  return {
    ...parts,
    onBug,
    limits: settings,
    connectTimeout: () => settings().upstreamConnectTimeout,
    readTimeout: () => settings().upstreamReadTimeout,
    sendTimeout: () => settings().upstreamSendTimeout,
    readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER),
    poolLimits: settings,
    healthLimits: settings,
    onEjected: () => writer.add(EJECTIONS, 1),
    retryBudget: () => settings().upstreamRetryBudget,
    onRetryDenied: () => writer.add(RETRIES_DENIED, 1),
  };
}
