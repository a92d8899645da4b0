import type net from 'node:net';
import type { ProxySettings } from '../../settings/settings.ts';
import type { GroupId } from '../../model/table.ts';
import type { AcceptContext } from '../listener/accept.ts';
import type { LiveGroup } from '../upstream/group.ts';
import type { SpliceContext } from './splice.ts';

/** What the services of TCP and UDP ports need of their worker. */
export interface StreamContext extends SpliceContext, Pick<AcceptContext, 'onProxyHeaderRefused'> {
  readonly settings: () => ProxySettings;
  readonly group: (id: GroupId) => LiveGroup;
  /** Whether there is room for one more connection; else it is closed. */
  readonly admits: (socket: net.Socket) => boolean;
  readonly onUdpSession: (session: UdpRecord) => void;
  /** A datagram was dropped: too many sessions, too much waiting, or no endpoint. */
  readonly onDropped: () => void;
}

/** A UDP session that is over. */
export interface UdpRecord {
  readonly address: string;
  /** Milliseconds of the worker's deadlines. */
  readonly startedAt: number;
  readonly status: 200 | 502;
  readonly sent: number;
  readonly received: number;
}
