/** Keeps the embedded cluster at what the manifest files say, and tells what of them it refuses. */
import type { ApplyError } from '../cluster/embedded/apply.ts';
import type { EmbeddedCluster } from '../cluster/embedded/embedded.ts';
import { formatManifestError, type Manifest, manifestKey, readManifests } from '../cluster/embedded/manifests.ts';
import { type ManifestChanges, type ManifestWatch, watchManifests } from '../cluster/embedded/watch-manifests.ts';

/** Applies the files, and from then on their changes. `tell` gets a line for each thing that is wrong. */
export function followManifests(
  cluster: Pick<EmbeddedCluster, 'apply' | 'delete'>,
  paths: readonly string[],
  tell: (line: string) => void,
): ManifestWatch {
  return watchManifests(paths, ({ changed, removed, errors }: ManifestChanges) => {
    for (const error of errors) tell(formatManifestError(error));
    // What is gone first: an address or a path may be taken over by what is new.
    const refused = [...cluster.delete(removed), ...cluster.apply(changed).errors];
    if (refused.length > 0) void tellRefused(paths, refused, tell);
  });
}

async function tellRefused(
  paths: readonly string[],
  refused: readonly ApplyError[],
  tell: (line: string) => void,
): Promise<void> {
  const { manifests } = await readManifests(paths);
  for (const error of refused) tell(refusalLine(error, manifests));
}

/** `FILE:LINE, document N: MESSAGE`; the message of the API server names the object and its fields. */
export function refusalLine(error: ApplyError, manifests: readonly Manifest[]): string {
  const { apiVersion, kind, name, namespace, message } = error;
  const key = manifestKey({ apiVersion, kind, metadata: { name, ...(namespace === '' ? {} : { namespace }) } });
  const place = manifests.find(({ object }) => manifestKey(object) === key);
  return place === undefined ? `${kind} "${name}": ${message}` : formatManifestError({ ...place, message });
}
