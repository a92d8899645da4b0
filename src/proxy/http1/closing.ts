/** How connections of clients end: the times and amounts, in milliseconds and bytes. */

/** A refused client may go on sending: reading it off for a while lets it see the answer instead of a reset. */
export const LINGER_TIMEOUT = 2_000;
export const MAX_LINGER = 1_048_576;
/**
 * A client that sent FIN may still read (RFC 9112 §9.6 calls it half-closed), or be gone: it gets its answer if that comes
 * within this time, in milliseconds, or keeps coming. nginx takes every FIN for a client that is gone.
 */
export const HALF_CLOSED_TIMEOUT = 2_000;
/** How long an idle connection is kept on shutdown. */
export const DRAIN_IDLE = 500;
