/** What is particular to one kind on its way into the storage; Kubernetes calls it a registry strategy. */
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

export interface Strategy {
  /** Sets what only the server sets on a new object; a client's status is gone already. */
  readonly prepareCreate?: (object: StoredObject, now: string) => void;
  /** Puts back what an update must not change, and derives what follows from it. */
  readonly prepareUpdate?: (object: StoredObject, old: StoredObject) => void;
  /** Fills in the documented defaults. Called on creation and on every update. */
  readonly setDefaults?: (object: StoredObject) => void;
  /** What is wrong with an object as it stands. */
  readonly validate?: (object: StoredObject) => readonly Cause[];
  /** What is only looked at on creation. */
  readonly validateCreate?: (object: StoredObject) => readonly Cause[];
  /** What is wrong with this change of it. */
  readonly validateUpdate?: (object: StoredObject, old: StoredObject) => readonly Cause[];
  /** How names of this kind must look, when it is not as a DNS subdomain (RFC 1123). */
  readonly nameRule?: 'dns-label' | 'dns-1035-label' | 'path-segment';
}
