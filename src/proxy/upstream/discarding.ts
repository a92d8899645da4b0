/** Takes a response that nobody wants, so that its connection can be used again. */
import type { ResponseHandler } from './stream.ts';

const nothing = (): void => undefined;

/** Has no state: all discarded responses have it. */
export const DISCARDING: ResponseHandler = {
  onConnected: nothing,
  onInterim: nothing,
  onResponseHead: nothing,
  onResponseData: nothing,
  onResponseEnd: nothing,
  onUpstreamFailed: nothing,
  onUpstreamBlocked: nothing,
  onUpstreamDrain: nothing,
  onTunnelData: nothing,
  onTunnelEnd: nothing,
  onBug: nothing,
};
