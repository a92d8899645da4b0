/** The idle upstream connections of a worker, over all endpoints, in the order in which they became idle. */

/** A connection that waits for its next request. */
export interface Idle {
  /** Its neighbours. */
  idleBefore: Idle | null;
  idleAfter: Idle | null;
  readonly destroy: () => void;
}

/** A list linked through its connections: each request takes one out of its middle and puts it back at the end. */
export class IdleConnections {
  size = 0;
  #oldest: Idle | null = null;
  #newest: Idle | null = null;

  get oldest(): Idle | null {
    return this.#oldest;
  }

  /** `connection` is not in the list. */
  add(connection: Idle): void {
    connection.idleBefore = this.#newest;
    if (this.#newest === null) this.#oldest = connection;
    else this.#newest.idleAfter = connection;
    this.#newest = connection;
    this.size++;
  }

  /** Returns false when it is not in the list. */
  delete(connection: Idle): boolean {
    const { idleBefore, idleAfter } = connection;
    if (idleBefore === null && this.#oldest !== connection) return false;
    if (idleBefore === null) this.#oldest = idleAfter;
    else idleBefore.idleAfter = idleAfter;
    if (idleAfter === null) this.#newest = idleBefore;
    else idleAfter.idleBefore = idleBefore;
    connection.idleBefore = connection.idleAfter = null;
    this.size--;
    return true;
  }
}
