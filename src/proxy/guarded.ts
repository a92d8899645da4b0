/** Callbacks whose exceptions do not end the worker: they are bugs, told to `onBug`, which closes what they happened on. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

/** Listens to events of a socket; by name of the event. */
export function listenGuarded(
  socket: EventEmitter,
  // oxlint-disable-next-line typescript/no-explicit-any -- each event has an argument of its own type
  listeners: Readonly<Record<string, (argument: any) => void>>,
  onBug: (error: unknown) => void,
): void {
  for (const [event, listener] of Object.entries(listeners)) {
    socket.on(event, (argument: unknown) => {
      try {
        listener(argument);
      } catch (error) {
        onBug(error);
      }
    });
  }
}

/** Whose methods are the events of a socket. */
export interface SocketOwner {
  readonly onData: (chunk: Buffer) => void;
  readonly onDrain: () => void;
  readonly onEnd: () => void;
  /** Also after an error. May be called twice. */
  readonly onClose: () => void;
  /** One of the others threw. */
  readonly onBug: (error: unknown) => void;
}

const OWNER = Symbol('owner');
type OwnedSocket = Socket & { [OWNER]: SocketOwner };

/** The same listeners for all sockets: closures for each of ten thousand would take eight megabytes. */
const EVENTS: Readonly<Record<string, (this: OwnedSocket, chunk: Buffer) => void>> = {
  data: guarded((owner, chunk) => owner.onData(chunk)),
  drain: guarded((owner) => owner.onDrain()),
  end: guarded((owner) => owner.onEnd()),
  error: guarded((owner) => owner.onClose()),
  close: guarded((owner) => owner.onClose()),
};

function guarded(call: (owner: SocketOwner, chunk: Buffer) => void): (this: OwnedSocket, chunk: Buffer) => void {
  return function onEvent(this: OwnedSocket, chunk: Buffer): void {
    try {
      call(this[OWNER], chunk);
    } catch (error) {
      this[OWNER].onBug(error);
    }
  };
}

/** Gives a socket its owner, once and for all. */
export function own(socket: Socket, owner: SocketOwner): void {
  (socket as OwnedSocket)[OWNER] = owner;
  for (const event in EVENTS) socket.on(event, EVENTS[event]!);
}
