import { connect, type Socket } from 'node:net'
import type { RouteTable } from '../../src/api/protocol.ts'
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { startRawServer } from '../../src/proxy/testing/raw-server.ts'
import { startRig, type Rig } from '../../src/proxy/testing/rig.ts'
import { untilAsync } from '../../src/proxy/testing/until.ts'
import type { Chance } from './mutate.ts'

/** What should not have happened, and the bytes that made it happen. */
export interface Finding {
  readonly what: string
  readonly text: string
}

/** A running sidecar between a server that a fuzz plays and clients that it plays too. */
export interface Stage {
  readonly rig: Rig
  /** Who answers connections of the sidecar. */
  readonly serveBy: (serve: (connection: Peer) => void) => void
  readonly stop: () => Promise<void>
}

const limits = { lingerMs: 100, halfClosedMs: 100, tunnelIdleMs: 300, bodyTimeoutMs: 500, headTimeoutMs: 500, idleTimeoutMs: 500, continueTimeoutMs: 50, upstreamIdleMs: 60_000, mirrorTimeoutMs: 500, maxMirrors: 10_000 }
const patienceMs = 60_000

/** A third of the requests is copied, to the same server. */
const copiesTo = (port: number): Partial<RouteTable> => ({ mirrorPercent: 30, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port }] } })

export async function startStage(responseTimeoutMs: number): Promise<Stage> {
  // The server is needed before there is anybody to tell about it.
  let onConnection: (connection: Peer) => void = () => undefined
  const app = await startRawServer((connection) => onConnection(connection), { forgets: true })
  const rig = await startRig(app.port, { limits: { ...limits, responseTimeoutMs }, table: copiesTo(app.port) })
  return {
    rig,
    serveBy: (serve) => void (onConnection = serve),
    stop: async () => {
      await rig.close()
      app.close()
    },
  }
}

/** Inputs through a running sidecar, in rounds, and what was found. */
export abstract class Fuzz {
  readonly findings: Finding[] = []
  inputs = 0
  protected readonly rig: Rig
  protected readonly chance: Chance
  private readonly stage: Stage

  protected constructor(stage: Stage, chance: Chance) {
    this.stage = stage
    this.rig = stage.rig
    this.chance = chance
    stage.serveBy((connection) => this.serve(connection))
  }

  protected abstract serve(connection: Peer): void
  /** One input of a round. */
  protected abstract play(index: number): Promise<void>

  /** So many inputs at once; resolves when all their connections have ended. */
  async round(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, index) => this.play(index)))
    for (const line of this.rig.logs) if (line.includes('bug')) this.found(`logged ${line}`, '')
    ;(this.rig.logs as string[]).length = 0
  }

  /** The counts of the sidecar must add up when nothing is under way. */
  async settle(): Promise<void> {
    await untilAsync('the last copy', async () => (await this.rig.stats()).mirrorsInFlight === 0).catch((error: unknown) => this.found(String(error), ''))
    const { requestsInFlight, openConnections } = await this.rig.stats()
    if (requestsInFlight !== 0 || openConnections !== 0) this.found(`left over: ${requestsInFlight} requests, ${openConnections} connections`, '')
  }

  stop(): Promise<void> {
    return this.stage.stop()
  }

  protected found(what: string, text: string): void {
    this.findings.push({ what, text })
  }

  /** What a client gets that says `send` over a connection of its own; undefined, and found, if that does not end. */
  protected async converse(text: string, send: (socket: Socket) => void, localAddress?: string): Promise<{ readonly received: string; readonly isReset: boolean } | undefined> {
    const socket = connect({ host: '127.0.0.1', port: this.rig.route, allowHalfOpen: true, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
    let isReset = false
    const received = await new Promise<string | undefined>((resolve) => {
      let all = ''
      const timer = setTimeout(() => resolve(undefined), patienceMs)
      socket.on('data', (chunk: Buffer) => (all += chunk.toString('latin1')))
      socket.on('error', () => (isReset = true))
      socket.on('end', () => socket.destroySoon())
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(all)
      })
      send(socket)
    })
    socket.destroy()
    if (received !== undefined) return { received, isReset }
    this.found('does not end', text)
    return undefined
  }
}
