import { defineConfig } from 'vitest/config'

/** `npm run interop`: the sidecar between clients and servers that others have written. install.sh gets them. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    reporters: ['verbose', './test/reporter.ts'],
    include: ['test/interop/**/*.interop.ts'],
    // Each suite is client, sidecar and server at once: on two cores they wait for each other anyway.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
