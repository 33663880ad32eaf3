import { defineConfig } from 'vitest/config'
import LongestFirst from '../longest-first.ts'

/** `npm run e2e`: the end-to-end suites on the cluster that KUBECONFIG leads to; those that kill Kinglet's own parts one by one, after the others. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    reporters: ['verbose', './test/reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/*.e2e.ts'],
          globalSetup: ['test/e2e/setup-real.ts'],
          // Suites wait far more than they compute.
          maxWorkers: 4,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'disruptive',
          include: ['test/e2e/disruptive/*.e2e.ts'],
          globalSetup: ['test/e2e/setup-real.ts'],
          // They take Kinglet's own parts away, from everybody.
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
