/** Callbacks whose exceptions do not end the worker: they are bugs, told to `onBug`, which closes what they happened on. */
import type { EventEmitter } from 'node:events';

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
