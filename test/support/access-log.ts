/** The access log of a data plane in a file; complete when the data plane has closed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file in a folder of its own. */
export class LogFile {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  readonly path = join(this.folder, 'access.log');

  /** The lines so far. */
  lines(): string[] {
    try {
      return readFileSync(this.path, 'latin1').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}
