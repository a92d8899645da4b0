/** The TCP and UDP services of a worker. Each listens once the main thread has found its port free (`ports.ts`). */
import type { Stream, StreamId } from '../../model/table.ts';
import type { StreamContext } from './context.ts';
import { TcpService } from './tcp-service.ts';
import { UdpService, type Sessions } from './udp-service.ts';

export class StreamServices {
  readonly #context: StreamContext;
  readonly #services = new Map<StreamId, TcpService | UdpService>();
  readonly #sessions: Sessions = { open: 0, unanswered: new Set() };

  constructor(context: StreamContext) {
    this.#context = context;
  }

  /** UDP sessions now open. */
  get sessions(): number {
    return this.#sessions.open;
  }

  /** A stream that is new or has changed. Its port never changes: that would be another stream. */
  set(stream: Stream): void {
    const known = this.#services.get(stream.id);
    if (known !== undefined) known.change(stream);
    else
      this.#services.set(
        stream.id,
        stream.protocol === 'TCP'
          ? new TcpService(stream, this.#context)
          : new UdpService(stream, this.#context, this.#sessions),
      );
  }

  /** Closes the listener; open connections go on. */
  delete(id: StreamId): void {
    this.#services.get(id)?.close();
    this.#services.delete(id);
  }

  ids(): Iterable<StreamId> {
    return this.#services.keys();
  }

  /** Listens. Resolves when it does, also for one that is gone by now; rejects with the system's error. */
  async listen(id: StreamId): Promise<void> {
    const service = this.#services.get(id);
    if (service === undefined) return;
    await service.listen(this.#context.settings().bindAddress);
    if (this.#services.get(id) !== service) service.close();
  }

  /** Stops listening. */
  close(): void {
    for (const id of this.#services.keys()) this.delete(id);
  }
}
