/** Many mixed requests through two sidecars, and both books at the end: what clients saw, and what the first sidecar has counted. */
import { Book, mixedApp, MixedClient } from './mixed-load.ts'
import { startRawServer } from './raw-server.ts'
import { startRig, type Rig } from './rig.ts'
import { untilAsync } from './until.ts'

export interface MixedRun {
  readonly rig: Rig
  /** Sends `requests` in all, and resolves when nothing is under way any more. */
  play(requests: number, clients: number): Promise<{ readonly book: Book; readonly counted: Readonly<Record<string, number>> }>
  close(): Promise<void>
}

const kinds = [
  { port: 'route', track: 'primary', reason: 'weight' },
  { port: 'route', track: 'canary', reason: 'match' },
  { port: 'direct', track: 'primary', reason: 'direct' },
] as const

export async function startMixedRun(): Promise<MixedRun> {
  const heard = new Set<string>()
  const app = mixedApp((number) => heard.add(number))
  const apps = [await startRawServer(app, { forgets: true }), await startRawServer(app, { forgets: true })] as const
  const canary = await startRig(apps[1].port, { table: { self: 'canary' } })
  const endpoints = { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] }
  // What the canary's sidecar would give up first, it would tell in its own way.
  const rig = await startRig(apps[0].port, { limits: { responseTimeoutMs: 1500, lingerMs: 200 }, table: { match: [{ headers: { 'x-to': { exact: 'canary' } } }], rescue: 'off', endpoints } })
  return {
    rig,
    play: async (requests, clients) => {
      const book = new Book()
      const share = Math.floor(requests / clients)
      await Promise.all(Array.from({ length: clients }, (_, index) => new MixedClient(rig, book, (number) => heard.delete(number)).play(index * share, share, kinds[index % 3] ?? kinds[0])))
      // Aborts are counted when they are noticed.
      await untilAsync('the end of all requests', async () => (await rig.stats()).requestsInFlight === 0, 20_000)
      return { book, counted: await countedBy(rig) }
    },
    close: async () => {
      await rig.close()
      await canary.close()
      for (const server of apps) server.close()
    },
  }
}

/** What the sidecar has counted, in the words of the clients' book. */
async function countedBy(rig: Rig): Promise<Record<string, number>> {
  const { requests: series, clientAborted, refusedRequests } = await rig.stats()
  return {
    ...Object.fromEntries(series.map(({ track, reason, outcome, count }) => [`${track} ${reason} ${outcome}`, count])),
    aborted: clientAborted,
    ...Object.fromEntries(Object.entries(refusedRequests).map(([status, count]) => [`refused ${status}`, count])),
  }
}
