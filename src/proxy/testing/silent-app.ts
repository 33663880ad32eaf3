import { expect } from 'vitest'
import type { ProxyLimits } from '../settings.ts'
import { startRawServer, type RawServer } from './raw-server.ts'
import { startRig, type Rig } from './rig.ts'

/** A sidecar beside an app that is silent until a test says what it answers. */
export interface SilentApp {
  readonly app: RawServer
  readonly rig: Rig
  /** How many requests were recorded, by outcome. */
  track(): Promise<Record<string, number>>
  /** Waits for a count that is written when a connection's end is noticed. */
  aborts(count: number): Promise<void>
  stop(): Promise<void>
}

export async function startBesideSilentApp(limits: Partial<ProxyLimits> = {}): Promise<SilentApp> {
  const app = await startRawServer()
  const rig = await startRig(app.port, { limits: { lingerMs: 200, ...limits } })
  return {
    app,
    rig,
    track: async () => Object.fromEntries((await rig.stats()).requests.map(({ outcome, count }) => [outcome, count])),
    aborts: (count) => expect.poll(async () => (await rig.stats()).clientAborted).toBe(count),
    stop: async () => {
      await rig.close()
      app.close()
    },
  }
}

/** The head of a POST with a body of that length. */
export const post = (length: number, ...lines: readonly string[]): string => ['POST /x HTTP/1.1', 'Host: app', `Content-Length: ${length}`, ...lines, '', ''].join('\r\n')
