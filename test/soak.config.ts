import { defineConfig } from 'vitest/config';

/** The long versions of tests: full counts, minutes under load. One file at a time, so that load is what the file makes of it. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.soak.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 60_000,
  },
});
