/**
 * Mutated responses of an app, through a running sidecar, to clients that read what comes a second time. Found is: an answer that the
 * second parser cannot read, bytes after the last answer, a poisoned answer for the next request, a connection that does not end.
 */
import { connect } from 'node:net'
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { startRawServer, type RawServer } from '../../src/proxy/testing/raw-server.ts'
import { startRig, type Rig } from '../../src/proxy/testing/rig.ts'
import { untilAsync } from '../../src/proxy/testing/until.ts'
import { below, cut, mutate, type Chance } from './mutate.ts'
import { copiesTo, type Finding } from './requests.ts'
import { NotHttp, readMessage } from './second-parser.ts'

const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
const answers: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'HTTP/1.0 200 OK\r\n\r\nold', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes', 'HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-Kinglet-Unsent: refused\r\nContent-Length: 0\r\n\r\n',
  `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${poison}`, `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello${poison}`, `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${poison}`, `HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n${poison}`, `HTTP/1.1 102 Processing\r\nX-Kinglet-Connected: 1\r\n\r\n${poison}`,
]
const limits = { lingerMs: 100, halfClosedMs: 100, tunnelIdleMs: 300, bodyTimeoutMs: 500, responseTimeoutMs: 500, idleTimeoutMs: 500, continueTimeoutMs: 50, upstreamIdleMs: 60_000, mirrorTimeoutMs: 500, maxMirrors: 10_000 }
const patienceMs = 60_000
const requests = ['GET /x HTTP/1.1\r\nHost: app\r\n\r\n', 'HEAD /x HTTP/1.1\r\nHost: app\r\n\r\n', 'POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\nhello', 'GET /x HTTP/1.0\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n']

export class ResponseFuzz {
  readonly findings: Finding[] = []
  inputs = 0
  private readonly app: RawServer
  private readonly rig: Rig
  private readonly chance: Chance

  private constructor(app: RawServer, rig: Rig, chance: Chance) {
    this.app = app
    this.rig = rig
    this.chance = chance
  }

  static async start(chance: Chance): Promise<ResponseFuzz> {
    const told: { onConnection: (connection: Peer) => void } = { onConnection: () => undefined }
    const app = await startRawServer((connection) => told.onConnection(connection), { forgets: true })
    const fuzz = new ResponseFuzz(app, await startRig(app.port, { limits, table: copiesTo(app.port) }), chance)
    told.onConnection = (connection) => fuzz.serve(connection)
    return fuzz
  }

  async round(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.visit(below(this.chance, requests.length))))
    for (const line of this.rig.logs) if (line.includes('bug')) this.findings.push({ what: `logged ${line}`, text: '' })
    ;(this.rig.logs as string[]).length = 0
  }

  async settle(): Promise<void> {
    await untilAsync('the last copy', async () => (await this.rig.stats()).mirrorsInFlight === 0).catch((error: unknown) => this.findings.push({ what: String(error), text: '' }))
    const { requestsInFlight, openConnections } = await this.rig.stats()
    if (requestsInFlight !== 0 || openConnections !== 0) this.findings.push({ what: `left over: ${requestsInFlight} requests, ${openConnections} connections`, text: '' })
  }

  async stop(): Promise<void> {
    await this.rig.close()
    this.app.close()
  }

  /** One request; how its answer looks is the server's affair. */
  private async visit(kind: number): Promise<void> {
    this.inputs += 1
    const request = requests[kind] ?? ''
    const socket = connect({ host: '127.0.0.1', port: this.rig.route, allowHalfOpen: true, noDelay: true })
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
      socket.write(request, 'latin1')
      socket.end()
    })
    socket.destroy()
    if (received === undefined) this.findings.push({ what: 'does not end', text: request })
    else if (!isReset) this.check(request, received)
  }

  /** What a client got whole must be one answer and nothing after it. */
  private check(request: string, received: string): void {
    const finding = (what: string): number => this.findings.push({ what, text: received.slice(0, 2000) })
    try {
      let rest = received
      for (;;) {
        const message = readMessage(rest, 'response', { bodiless: request.startsWith('HEAD'), hasEnded: true })
        if (!message) return void finding(`ends in the middle of an answer to ${JSON.stringify(request)}`)
        rest = rest.slice(message.size)
        const status = Number(message.start.slice(9, 12))
        if (/^x-kinglet-(?!error:)/im.test(message.head)) finding('a header of ours that the app has sent')
        if (status === 101) return
        if (status >= 200) break
      }
      if (rest !== '') finding('bytes after the answer')
    } catch (error) {
      if (!(error instanceof NotHttp)) throw error
      finding(`the second parser: ${error.message}`)
    }
  }

  /** Answers each request with something; at times it closes after it. */
  private serve(connection: Peer): void {
    connection.socket.on('data', () => {
      if (!connection.received.includes('\r\n\r\n')) return
      connection.received = ''
      for (const piece of cut(mutate(answers, this.chance), this.chance)) connection.send(piece)
      if (below(this.chance, 3) > 0) connection.socket.end()
    })
    connection.socket.on('end', () => connection.socket.end())
  }
}
