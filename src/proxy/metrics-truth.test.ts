import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMixedRun, type MixedRun } from './testing/mixed-run.ts'

/** `npm run bench:truth` takes a million. */
const requests = 6000
const clients = 30

describe('the counts of a sidecar', () => {
  let run: MixedRun
  beforeAll(async () => {
    run = await startMixedRun()
  })
  afterAll(() => run.close())

  it('are those of its clients’ book: by track, reason and outcome, aborts and refusals apart', async () => {
    const { book, counted } = await run.play(requests, clients)
    expect(counted).toEqual(book.counts)
    // A book with a page for everything, or this has shown less than it says.
    expect(Object.keys(book.counts).length).toBeGreaterThan(15)
    const text = await (await fetch(`http://127.0.0.1:${run.rig.admin}/metrics`)).text()
    const scraped = [...text.matchAll(/^kinglet_requests_total\{track="(\w+)",reason="(\w+)",outcome="(\w+)",protocol="http1"\} (\d+)$/gm)].map(([, track, reason, outcome, count]) => [`${track} ${reason} ${outcome}`, Number(count)])
    expect(Object.fromEntries(scraped)).toEqual(Object.fromEntries(Object.entries(book.counts).filter(([entry]) => entry.split(' ').length === 3)))
  }, 300_000)
})
