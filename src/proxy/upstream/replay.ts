/** The part of a request body that was sent and could be sent again to another endpoint. */

/** More than this is not kept: such a request is not tried again. */
const MAX_REPLAY = 65_536;

export class Replay {
  /** What was sent after the head, with its framing, as Latin-1. */
  text = '';
  /** All of it is there: the request can be sent again. */
  complete = true;
  #open = false;

  /** Begins a new request. */
  open(): void {
    this.text = '';
    this.complete = true;
    this.#open = true;
  }

  /** Nothing will be sent again: frees what was kept. */
  close(): void {
    this.text = '';
    this.#open = false;
  }

  addText(text: string): void {
    if (!this.#open || !this.complete) return;
    if (this.#fits(text.length)) this.text += text;
  }

  addBytes(bytes: Buffer): void {
    if (!this.#open || !this.complete) return;
    if (this.#fits(bytes.length)) this.text += bytes.toString('latin1');
  }

  #fits(length: number): boolean {
    if (this.text.length + length <= MAX_REPLAY) return true;
    this.text = '';
    this.complete = false;
    return false;
  }
}
