/** What the harness wants of a proxy to measure it. */
import type { ProcessGroup, Running } from '../processes.ts';

/** PEM files of a certificate and its key, and of both in one. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  readonly bundle: string;
}

/** Where a proxy listens, what it serves, and where its files go. All on 127.0.0.1. */
export interface TargetSetup {
  readonly processes: ProcessGroup;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The backend of `BENCH_HOST`, `ECDSA_HOST` and the routes. */
  readonly backendPort: number;
  /** The backend of `WEBSOCKET_HOST`. */
  readonly webSocketPort: number;
  /** For `BENCH_HOST`, and for clients without SNI or with an unknown name. */
  readonly rsa: CertificateFiles;
  /** For `ECDSA_HOST`. */
  readonly ecdsa: CertificateFiles;
  /** As many routes as `routeHosts` makes of it, beside the three hosts. */
  readonly routes: number;
  /** The file that standard output goes to, and the access log with it; null: no access log. */
  readonly accessLog: string | null;
}

/** One proxy. */
export interface Target {
  readonly name: string;
  /** The program that must be on the PATH, and the Debian package it comes in. Null: it comes with this repository. */
  readonly program: { readonly name: string; readonly debianPackage: string } | null;
  /** A command that prints its version. */
  readonly version: readonly string[];
  /** It is there to be compared with only, and measured in fewer rounds than Sluice and nginx, which the goals are about. */
  readonly beside: boolean;
  /** It can write an access log. */
  readonly logs: boolean;
  /** It can be given thousands of routes. */
  readonly routes: boolean;
  /** It is given the route with ten policies. */
  readonly policies: boolean;
  /** It speaks HTTP/2 to clients. */
  readonly http2: boolean;
  readonly start: (setup: TargetSetup) => Promise<Running>;
}
