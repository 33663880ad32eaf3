import { afterEach } from 'vitest'

/** Called in the file of a suite: what it returns takes what is to be done after the present test, the last first. */
export function endings(): (end: () => unknown) => void {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  return (end) => void ends.push(end)
}
