import { describe, expect, it } from 'vitest'
import { startAdmin } from './admin.ts'

describe('a scrape', () => {
  it('lets others be served between its slices', async () => {
    let served = 0
    function* slices(): Generator<string> {
      yield 'first\n'
      // Without an end of its own it would run until somebody else was served.
      while (served === 0) yield ''
      yield 'last\n'
    }
    const admin = await startAdmin({ notReady: () => void (served += 1), metrics: slices, stats: () => ({}) }, '127.0.0.1', 0)
    const url = `http://127.0.0.1:${admin.port}`
    const scrape = fetch(`${url}/metrics`).then((response) => response.text())
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await scrape).toBe('first\nlast\n')
    admin.close()
  })

  it('that cannot be rendered is an error, not half of a text', async () => {
    function* slices(): Generator<string> {
      yield 'first\n'
      throw new Error('broken')
    }
    const admin = await startAdmin({ notReady: () => undefined, metrics: slices, stats: () => ({}) }, '127.0.0.1', 0)
    const response = await fetch(`http://127.0.0.1:${admin.port}/metrics`)
    expect(response.status).toBe(500)
    expect(await response.text()).toBe('The metrics could not be rendered.\n')
    admin.close()
  })
})
