/**
 * Mutated requests from many clients at once, through a running sidecar, to a server that reads what comes a second time. Found is:
 * a request that the second parser cannot read, one that does not carry the proxy's own lines (then the proxy has not seen it as a
 * request), an answer that reaches another client, a connection that does not end, an exception.
 */
import { connect } from 'node:net'
import type { RouteTable } from '../../src/api/protocol.ts'
import { startRawServer, type RawServer } from '../../src/proxy/testing/raw-server.ts'
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { startRig, type Rig } from '../../src/proxy/testing/rig.ts'
import { untilAsync } from '../../src/proxy/testing/until.ts'
import { tricks } from '../../src/proxy/testing/corpus.ts'
import { below, cut, mutate, type Chance } from './mutate.ts'
import { NotHttp, readMessage } from './second-parser.ts'

export interface Finding {
  readonly what: string
  readonly text: string
}

const seeds = tricks.map(({ text }) => text)
const limits = { lingerMs: 100, halfClosedMs: 100, tunnelIdleMs: 300, bodyTimeoutMs: 500, headTimeoutMs: 500, idleTimeoutMs: 500, continueTimeoutMs: 50, responseTimeoutMs: 5000, upstreamIdleMs: 60_000, mirrorTimeoutMs: 500, maxMirrors: 10_000 }
const patienceMs = 60_000
/** What goes to the app as bytes: HTTP/2 and TLS are not read by this proxy's HTTP/1.1 engine. */
const isForeign = (text: string): boolean => text.startsWith('\x16\x03') || text.startsWith('PRI * HTTP/2.0\r\n')

/** A third of the requests is copied, to the same server. */
export const copiesTo = (port: number): Partial<RouteTable> => ({ mirrorPercent: 30, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port }] } })

export class RequestFuzz {
  readonly findings: Finding[] = []
  inputs = 0
  /** Requests that the server behind the sidecar has read. */
  forwarded = 0
  private readonly app: RawServer
  private readonly rig: Rig
  private readonly chance: Chance

  private constructor(app: RawServer, rig: Rig, chance: Chance) {
    this.app = app
    this.rig = rig
    this.chance = chance
  }

  static async start(chance: Chance): Promise<RequestFuzz> {
    // The server is needed before there is anybody to tell about it.
    const told: { onConnection: (connection: Peer) => void } = { onConnection: () => undefined }
    const app = await startRawServer((connection) => told.onConnection(connection), { forgets: true })
    const fuzz = new RequestFuzz(app, await startRig(app.port, { limits, table: copiesTo(app.port) }), chance)
    told.onConnection = (connection) => fuzz.serve(connection)
    return fuzz
  }

  /** So many inputs at once; resolves when all their connections have ended. */
  async round(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, index) => this.visit(mutate(seeds, this.chance), index)))
    for (const line of this.rig.logs) if (line.includes('bug')) this.findings.push({ what: `logged ${line}`, text: '' })
    ;(this.rig.logs as string[]).length = 0
  }

  /** One input as a client sends it, from an address of its own. */
  async visit(text: string, index: number): Promise<void> {
    if (isForeign(text)) return
    this.inputs += 1
    const address = `127.${1 + (index >> 7)}.0.${1 + (index & 127)}`
    const socket = connect({ host: '127.0.0.1', port: this.rig.route, localAddress: address, allowHalfOpen: true, noDelay: true })
    const ending = below(this.chance, 8)
    const pieces = cut(text, this.chance)
    const received = await new Promise<string | undefined>((resolve) => {
      let all = ''
      const timer = setTimeout(() => resolve(undefined), patienceMs)
      socket.on('data', (chunk: Buffer) => (all += chunk.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('end', () => socket.destroySoon())
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(all)
      })
      for (const piece of pieces) socket.write(piece, 'latin1')
      if (ending === 0) socket.destroySoon()
      else if (ending > 1) socket.end()
    })
    if (received === undefined) this.findings.push({ what: 'does not end', text })
    else for (const [, from] of received.matchAll(/for (127\.\d+\.0\.\d+)$/gm)) if (from !== address) this.findings.push({ what: `got the answer for ${from}`, text })
    socket.destroy()
  }

  /** The counts of the sidecar must add up when nothing is under way. */
  async settle(): Promise<void> {
    await untilAsync('the last copy', async () => (await this.rig.stats()).mirrorsInFlight === 0).catch((error: unknown) => this.findings.push({ what: String(error), text: '' }))
    const { requestsInFlight, openConnections, requests } = await this.rig.stats()
    if (requestsInFlight !== 0 || openConnections !== 0) this.findings.push({ what: `left over: ${requestsInFlight} requests, ${openConnections} connections`, text: '' })
    const answered = requests.filter(({ outcome }) => outcome === '2xx').reduce((sum, { count }) => sum + count, 0)
    if (answered > this.forwarded) this.findings.push({ what: `${answered} answers to ${this.forwarded} requests`, text: '' })
  }

  async stop(): Promise<void> {
    await this.rig.close()
    this.app.close()
  }

  private serve(connection: Peer): void {
    connection.socket.on('data', () => {
      try {
        for (let message = readMessage(connection.received, 'request'); message; message = readMessage(connection.received, 'request')) {
          connection.received = connection.received.slice(message.size)
          this.forwarded += 1
          const [, client] = /\r\nVia: [^\r]*1\.[01] kinglet\r\nX-Forwarded-For: [^\r]*?(127\.\d+\.0\.\d+)\r\n/.exec(message.head) ?? []
          if (client === undefined) this.findings.push({ what: 'the server saw a request that the proxy has not seen', text: message.head })
          const body = `for ${client}\n`
          connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${message.start.startsWith('HEAD ') ? '' : body}`)
        }
      } catch (error) {
        if (!(error instanceof NotHttp)) throw error
        this.findings.push({ what: `the second parser: ${error.message}`, text: connection.received.slice(0, 2000) })
        connection.socket.destroy()
      }
    })
    connection.socket.on('end', () => connection.socket.end())
  }
}
