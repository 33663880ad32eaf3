import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until `condition` holds; after `deadlineMs` it fails and says what it waited for, and what there was instead. */
export async function until(what: string, condition: () => boolean, found: () => unknown = () => 'nothing', deadlineMs = 8000): Promise<void> {
  const startedAt = performance.now()
  while (!condition()) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`waited ${deadlineMs} ms for ${what}; there was: ${String(found())}`)
    await sleep(2)
  }
}

/** The same where finding out takes a question. */
export async function untilAsync(what: string, condition: () => Promise<boolean>, deadlineMs = 8000): Promise<void> {
  const startedAt = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`waited ${deadlineMs} ms for ${what}`)
    await sleep(2)
  }
}
