import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAddsUp } from '../metrics/scrape.testkit.ts'
import { startMixedRun, type MixedRun } from './testing/mixed-run.ts'

/** `npm run bench:truth` takes a million. */
const requests = 6000
const clients = 30
const scrapes = 20

describe('the counts of a sidecar', () => {
  let run: MixedRun
  beforeAll(async () => {
    run = await startMixedRun()
  })
  afterAll(() => run.close())

  it('are those of its clients’ book: by track, reason and outcome, aborts and refusals apart; and every scrape meanwhile adds up', async () => {
    let isOver = false
    const playing = run.play(requests, clients).finally(() => (isOver = true))
    const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${run.rig.admin}/metrics`)).text()
    let scraped = 0
    for (let round = 0; round < scrapes && !isOver; round += 1) {
      const requestsNow = expectAddsUp(await scrape())
      expect(requestsNow).toBeGreaterThanOrEqual(scraped)
      scraped = requestsNow
    }
    const { book, counted } = await playing
    expect(counted).toEqual(book.counts)
    // A book with a page for everything, or this has shown less than it says.
    expect(Object.keys(book.counts).length).toBeGreaterThan(15)
    const text = await scrape()
    const told = [...text.matchAll(/^kinglet_requests_total\{track="(\w+)",reason="(\w+)",outcome="(\w+)",protocol="http1"\} (\d+)$/gm)].map(([, track, reason, outcome, count]) => [`${track} ${reason} ${outcome}`, Number(count)])
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(Object.entries(book.counts).filter(([entry]) => entry.split(' ').length === 3)))
  }, 300_000)
})
