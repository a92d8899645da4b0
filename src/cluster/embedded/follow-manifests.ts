/** Keeps a cluster as manifest files say. */
import type { ApplyError } from './apply.ts';
import type { JsonObject } from './api/json.ts';
import type { StoredObject } from './api/storage.ts';
import type { EmbeddedCluster } from './embedded.ts';
import { manifestKey } from './manifests.ts';
import type { ManifestError } from './manifests.ts';
import { watchManifests } from './watch-manifests.ts';
import type { ManifestWatch } from './watch-manifests.ts';

/** What one change of the files did to the cluster. */
export interface FollowReport {
  readonly applied: readonly StoredObject[];
  /** Objects that were deleted because no file has them any more. */
  readonly removed: readonly JsonObject[];
  /** Files, or documents of them, that cannot be read now. */
  readonly manifestErrors: readonly ManifestError[];
  /** Objects that the cluster refuses now. */
  readonly applyErrors: readonly ApplyError[];
}

/**
 * Applies the objects of the files and directories, then what changes in them, and deletes what is taken out of them. What was
 * refused is tried again with every change, as it may have lacked what came since.
 */
export function followManifests(
  cluster: Pick<EmbeddedCluster, 'apply' | 'delete'>,
  paths: readonly string[],
  report: (report: FollowReport) => void,
): ManifestWatch {
  const refused = new Map<string, JsonObject>();
  return watchManifests(paths, ({ changed, removed, errors }) => {
    for (const object of removed) refused.delete(manifestKey(object));
    for (const object of changed) refused.set(manifestKey(object), object);
    const deleteErrors = cluster.delete(removed);
    const outcome = cluster.apply([...refused.values()]);
    for (const object of outcome.applied) refused.delete(manifestKey(object));
    report({
      applied: outcome.applied,
      removed,
      manifestErrors: errors,
      applyErrors: [...deleteErrors, ...outcome.errors],
    });
  });
}
