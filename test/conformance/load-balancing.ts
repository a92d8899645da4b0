/** A Service with several Pods: all of them are used. Feature load_balancing of ingress-controller-conformance. */

/** With so many Pods, each of them answers so many of the requests. */
export interface Spread {
  readonly pods: number;
  readonly requests: number;
  readonly each: number;
  readonly connections: 'one' | 'one per request';
}

/** In this order, with one Deployment that is scaled in between. */
export const LOAD_BALANCING: readonly Spread[] = [
  { pods: 10, requests: 100, each: 10, connections: 'one per request' },
  { pods: 10, requests: 100, each: 10, connections: 'one' },
  { pods: 3, requests: 30, each: 10, connections: 'one per request' },
  { pods: 1, requests: 5, each: 5, connections: 'one' },
];
