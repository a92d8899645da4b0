/** Collecting garbage when a test says so. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects now what nothing refers to. */
export const collectGarbage = runInNewContext('gc') as () => void;
