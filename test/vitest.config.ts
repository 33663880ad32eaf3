import { defineConfig } from 'vitest/config'
import LongestFirst from './longest-first.ts'

/**
 * On the embedded cluster. `npm test`: the tests beside the code, then the end-to-end suites. `npm run e2e:disruptive`: those that kill
 * Kinglet's own parts, which need a cluster of their own and their time. All suites on a real cluster: test/e2e/vitest.config.ts.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', './test/reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          // Half of their time they wait for sockets and timers.
          maxWorkers: 4,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // What is waited for comes at once where nothing is wrong; vitest's second is what a busy machine takes to stand still.
          expect: { poll: { timeout: 8000 } },
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e on the sandbox',
          include: ['test/e2e/*.e2e.ts'],
          globalSetup: ['test/e2e/setup-sandbox.ts'],
          // Suites wait far more than they compute.
          maxWorkers: 5,
          testTimeout: 240_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'disruptive on the sandbox',
          include: ['test/e2e/disruptive/*.e2e.ts'],
          globalSetup: ['test/e2e/setup-sandbox.ts'],
          // They take Kinglet's own parts away, from everybody.
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
