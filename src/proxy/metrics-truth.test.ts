import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Book, mixedApp, MixedClient } from './testing/mixed-load.ts'
import { startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

/** `KINGLET_MIXED_REQUESTS=1000000` for a long look. */
const requests = Number(process.env['KINGLET_MIXED_REQUESTS'] ?? 6000)
const clients = 30

/** What the sidecar has counted, in the words of the clients' book. */
async function countedBy(rig: Rig): Promise<Record<string, number>> {
  const { requests: series, clientAborted, refusedRequests } = await rig.stats()
  return {
    ...Object.fromEntries(series.map(({ track, reason, outcome, count }) => [`${track} ${reason} ${outcome}`, count])),
    aborted: clientAborted,
    ...Object.fromEntries(Object.entries(refusedRequests).map(([status, count]) => [`refused ${status}`, count])),
  }
}

describe('the counts of a sidecar', () => {
  const heard = new Set<string>()
  let apps: readonly RawServer[]
  let canary: Rig
  let rig: Rig
  beforeAll(async () => {
    const app = mixedApp((number) => heard.add(number))
    apps = [await startRawServer(app, { forgets: true }), await startRawServer(app, { forgets: true })]
    canary = await startRig(apps[1]?.port ?? 0, { table: { self: 'canary' } })
    const endpoints = { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] }
    // What the canary's sidecar would give up first, it would tell in its own way.
    rig = await startRig(apps[0]?.port ?? 0, { limits: { responseTimeoutMs: 1500, lingerMs: 200 }, table: { match: [{ headers: { 'x-to': { exact: 'canary' } } }], rescue: 'off', endpoints } })
  })
  afterAll(async () => {
    await rig.close()
    await canary.close()
    for (const app of apps) app.close()
  })

  it('are those of its clients’ book: by track, reason and outcome, aborts and refusals apart', async () => {
    const book = new Book()
    const kinds = [
      { port: 'route', track: 'primary', reason: 'weight' },
      { port: 'route', track: 'canary', reason: 'match' },
      { port: 'direct', track: 'primary', reason: 'direct' },
    ] as const
    const share = Math.floor(requests / clients)
    await Promise.all(Array.from({ length: clients }, (_, index) => new MixedClient(rig, book, (number) => heard.delete(number)).play(index * share, share, kinds[index % 3] ?? kinds[0])))
    // Aborts are counted when they are noticed.
    await expect.poll(async () => (await rig.stats()).requestsInFlight, { timeout: 20_000 }).toBe(0)
    expect(await countedBy(rig)).toEqual(book.counts)
    // A book with a page for everything, or this has shown less than it says.
    expect(Object.keys(book.counts).length).toBeGreaterThan(15)
    const text = await (await fetch(`http://127.0.0.1:${rig.admin}/metrics`)).text()
    const scraped = [...text.matchAll(/^kinglet_requests_total\{track="(\w+)",reason="(\w+)",outcome="(\w+)",protocol="http1"\} (\d+)$/gm)].map(([, track, reason, outcome, count]) => [`${track} ${reason} ${outcome}`, Number(count)])
    expect(Object.fromEntries(scraped)).toEqual(Object.fromEntries(Object.entries(book.counts).filter(([entry]) => entry.split(' ').length === 3)))
  }, 3_600_000)
})
