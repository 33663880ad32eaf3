/**
 * Mutated responses of an app, through a running sidecar, to clients that read what comes a second time. Found is: an answer that the
 * second parser cannot read, bytes after the last answer, a poisoned answer for the next request, a connection that does not end.
 */
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { Fuzz, startStage } from './fuzz.ts'
import { below, cut, mutate, type Chance } from './mutate.ts'
import { NotHttp, readMessage } from './second-parser.ts'

const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
const answers: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'HTTP/1.0 200 OK\r\n\r\nold', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes', 'HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-Kinglet-Unsent: refused\r\nContent-Length: 0\r\n\r\n',
  `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${poison}`, `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello${poison}`, `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${poison}`, `HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n${poison}`, `HTTP/1.1 102 Processing\r\nX-Kinglet-Connected: 1\r\n\r\n${poison}`,
]
const requests = ['GET /x HTTP/1.1\r\nHost: app\r\n\r\n', 'HEAD /x HTTP/1.1\r\nHost: app\r\n\r\n', 'POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\nhello', 'GET /x HTTP/1.0\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n']

export class ResponseFuzz extends Fuzz {
  static async start(chance: Chance): Promise<ResponseFuzz> {
    return new ResponseFuzz(await startStage(500), chance)
  }

  /** One request; how its answer looks is the server's affair. */
  protected async play(): Promise<void> {
    this.inputs += 1
    const request = requests[below(this.chance, requests.length)] ?? ''
    const heard = await this.converse(request, (socket) => void socket.end(request))
    if (heard && !heard.isReset) this.check(request, heard.received)
  }

  /** What a client got whole must be one answer and nothing after it. */
  private check(request: string, received: string): void {
    const finding = (what: string): void => this.found(what, received.slice(0, 2000))
    try {
      let rest = received
      for (;;) {
        const message = readMessage(rest, 'response', { bodiless: request.startsWith('HEAD'), hasEnded: true })
        if (!message) return finding(`ends in the middle of an answer to ${JSON.stringify(request)}`)
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
  protected serve(connection: Peer): void {
    connection.socket.on('data', () => {
      if (!connection.received.includes('\r\n\r\n')) return
      connection.received = ''
      for (const piece of cut(mutate(answers, this.chance), this.chance)) connection.send(piece)
      if (below(this.chance, 3) > 0) connection.socket.end()
    })
    connection.socket.on('end', () => connection.socket.end())
  }
}
