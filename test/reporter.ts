import type { Reporter, TestModule } from 'vitest/node'

/** Prints the one line that ends every test run: how many tests passed and failed, over all suites. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    for (const module of modules) {
      const before = passed + failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        else if (state === 'failed') failed += 1
        else if (state === 'skipped') skipped += 1
      }
      // A module that could not be loaded has no tests, and still it failed.
      if (module.state() === 'failed' && passed + failed === before) failed += 1
    }
    if (skipped > 0) process.on('exit', () => process.stdout.write(`${skipped} skipped here, each with its reason\n`))
    // After vitest's own summary, so that this line is the last one.
    process.on('exit', () => process.stdout.write(`${passed} passed, ${failed} failed\n`))
  }
}
