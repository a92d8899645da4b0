/**
 * What the limit of open files allows. A worker that accepts until the system gives out no more (EMFILE) can reach no endpoint,
 * and the admin port and the watches of the same process suffer with it: so it accepts only what it can also connect further.
 */
import { readFileSync } from 'node:fs';
import type { ProxySettings } from '../../settings/settings.ts';

/** For all that is not traffic: the watches, the admin port (256 connections at most, mostly one or two), threads, the log. */
const RESERVED = 128;
/** Of what is left, the part for clients. Each of them needs an upstream connection while it waits for an answer: not all at once. */
const CLIENTS = 0.6;
/** And the part for UDP sessions, which anybody can open with a packet: each has a socket. */
const UDP = 0.1;
/** With a limit so low that nothing is left, a worker still serves a few. */
const LEAST = 16;

/** How many files this process may open; Infinity where nothing says so. Node has raised the soft limit to the hard one. */
export function openFilesLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/mu.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found === null ? Infinity : Number(found[1]);
  } catch {
    return Infinity;
  }
}

/**
 * The settings of one of `workers` workers, with no more connections and UDP sessions than its share of `openFiles` allows. 0
 * connections, as in ingress-nginx, are as many as that.
 */
export function withinOpenFiles(settings: ProxySettings, openFiles: number, workers: number): ProxySettings {
  const wanted = settings.maxConnections === 0 ? Number.MAX_SAFE_INTEGER : settings.maxConnections;
  const share = Math.max(LEAST, Math.floor((openFiles - RESERVED) / workers));
  const idle = Math.min(settings.upstreamKeepAliveConnections, Math.floor(share / 4));
  return {
    ...settings,
    maxConnections: Math.min(wanted, Math.floor((share - idle) * CLIENTS)),
    upstreamKeepAliveConnections: idle,
    streamUdpSessions: Math.min(settings.streamUdpSessions, Math.max(1, Math.floor((share - idle) * UDP))),
  };
}
