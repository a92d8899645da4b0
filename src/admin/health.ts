/** What `/healthz` and `/readyz` say. */

/** One thing that readiness needs. */
export interface ReadinessPart {
  readonly name: string;
  readonly ok: boolean;
  /** What it waits for, when it is not ok. */
  readonly detail: string;
}

/** Sluice is ready when every part is. */
export function isReady(parts: readonly ReadinessPart[]): boolean {
  return parts.every((part) => part.ok);
}

/** In the form of the API server's own `/readyz?verbose`: one line a part. */
export function readinessText(parts: readonly ReadinessPart[]): string {
  const lines = parts.map((part) => (part.ok ? `[+] ${part.name} ok` : `[-] ${part.name}: ${part.detail}`));
  return `${lines.join('\n')}\n${isReady(parts) ? 'ready' : 'not ready'}\n`;
}
