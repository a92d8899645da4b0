/** What the harness wants of a proxy to measure it. */
import type { ProcessGroup, Running } from '../processes.ts';

/** Where a proxy listens, what it serves, and where its files go. All on 127.0.0.1. */
export interface TargetSetup {
  readonly processes: ProcessGroup;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly backendPort: number;
  /** PEM files of the certificate and its key, and of both in one. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly bundleFile: string;
}

/** One proxy. */
export interface Target {
  readonly name: string;
  /** The program that must be on the PATH, and the Debian package it comes in. Null: it comes with this repository. */
  readonly program: { readonly name: string; readonly debianPackage: string } | null;
  /** A command that prints its version. */
  readonly version: readonly string[];
  readonly start: (setup: TargetSetup) => Promise<Running>;
}
