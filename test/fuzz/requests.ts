/**
 * Mutated requests from many clients at once, through a running sidecar, to a server that reads what comes a second time. Found is:
 * a request that the second parser cannot read, one that does not carry the proxy's own lines (then the proxy has not seen it as a
 * request), an answer that reaches another client, a connection that does not end, an exception.
 */
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { tricks } from '../../src/proxy/testing/corpus.ts'
import { Fuzz, startStage } from './fuzz.ts'
import { below, cut, mutate, type Chance } from './mutate.ts'
import { NotHttp, readMessage } from './second-parser.ts'

const seeds = tricks.map(({ text }) => text)
/** What goes to the app as bytes: HTTP/2 and TLS are not read by this proxy's HTTP/1.1 engine. */
const isForeign = (text: string): boolean => text.startsWith('\x16\x03') || text.startsWith('PRI * HTTP/2.0\r\n')

export class RequestFuzz extends Fuzz {
  /** Requests that the server behind the sidecar has read. */
  forwarded = 0

  static async start(chance: Chance): Promise<RequestFuzz> {
    return new RequestFuzz(await startStage(5000), chance)
  }

  protected play(index: number): Promise<void> {
    return this.visit(mutate(seeds, this.chance), index)
  }

  /** One input as a client sends it, from an address of its own. */
  async visit(text: string, index: number): Promise<void> {
    if (isForeign(text)) return
    this.inputs += 1
    const address = `127.${1 + (index >> 7)}.0.${1 + (index & 127)}`
    const ending = below(this.chance, 8)
    const pieces = cut(text, this.chance)
    const heard = await this.converse(
      text,
      (socket) => {
        for (const piece of pieces) socket.write(piece, 'latin1')
        if (ending === 0) socket.destroySoon()
        else if (ending > 1) socket.end()
      },
      address,
    )
    for (const [, from] of heard?.received.matchAll(/for (127\.\d+\.0\.\d+)$/gm) ?? []) if (from !== address) this.found(`got the answer for ${from}`, text)
  }

  override async settle(): Promise<void> {
    await super.settle()
    const { requests } = await this.rig.stats()
    const answered = requests.filter(({ outcome }) => outcome === '2xx').reduce((sum, { count }) => sum + count, 0)
    if (answered > this.forwarded) this.found(`${answered} answers to ${this.forwarded} requests`, '')
  }

  protected serve(connection: Peer): void {
    connection.socket.on('data', () => {
      try {
        for (let message = readMessage(connection.received, 'request'); message; message = readMessage(connection.received, 'request')) {
          connection.received = connection.received.slice(message.size)
          this.forwarded += 1
          const [, client] = /\r\nVia: [^\r]*1\.[01] kinglet\r\nX-Forwarded-For: [^\r]*?(127\.\d+\.0\.\d+)\r\n/.exec(message.head) ?? []
          if (client === undefined) this.found('the server saw a request that the proxy has not seen', message.head)
          const body = `for ${client}\n`
          connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${message.start.startsWith('HEAD ') ? '' : body}`)
        }
      } catch (error) {
        if (!(error instanceof NotHttp)) throw error
        this.found(`the second parser: ${error.message}`, connection.received.slice(0, 2000))
        connection.socket.destroy()
      }
    })
    connection.socket.on('end', () => connection.socket.end())
  }
}
