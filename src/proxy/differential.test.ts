import { Agent, createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import httpProxy from 'http-proxy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tricks } from './testing/corpus.ts'
import { Peer } from './testing/peer.ts'
import { startRig, type Rig } from './testing/rig.ts'

/** An app on node:http that notes what it was asked, by the address of the client. */
interface Witness {
  readonly server: Server
  readonly port: number
  readonly seen: Map<string, string[]>
}

async function startWitness(): Promise<Witness> {
  const seen = new Map<string, string[]>()
  // A socket that is closed has forgotten whose it was.
  const addresses = new WeakMap<Socket, string>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const client = String(request.headers['x-forwarded-for'] ?? addresses.get(request.socket)).split(', ').at(-1) ?? ''
      seen.set(client, [...(seen.get(client) ?? []), `${request.method} ${request.url} ${JSON.stringify(body)}`])
      response.end('ok')
    })
  })
  server.on('connection', (socket: Socket) => addresses.set(socket, socket.remoteAddress ?? ''))
  return { server, port: await listening(server), seen }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

/** Says the text and that this is all, from an address of its own; waits for the end. */
async function send(port: number, text: string, localAddress = '127.0.0.1'): Promise<void> {
  const client = new Peer(connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true }))
  client.socket.end(text, 'latin1')
  await client.hearsEnd()
  client.socket.destroy()
}

/** Why node:http may see another thing than the app behind the proxy, by what the text has. All are rules of http/README.md. */
const explanations: readonly (readonly [why: string, has: RegExp])[] = [
  ['(6) the app gets origin-form, node:http leaves absolute-form to it, with any scheme and authority', /^\S+ \w+:\/\//],
  ['(1) llhttp takes several spaces, no version, and HTTP/0.9 and 2.0 for a request', /^\S+(?: {2,}\S+| \S+ {2,}| \S+\r\n| \S+ HTTP\/(?:0\.9|2\.0))/],
  ['(1) HTTP/1.2 and above is 1.1 (RFC 9110 §2.5); llhttp knows no such version', /^\S+ \S+ HTTP\/1\.[2-9]\r\n/],
  ['(6) a fragment, an asterisk that OPTIONS has not sent', /^(?:\S+ \S*#| *GET \*)/],
  ['(20) TRACE and CONNECT end here', /^(?:TRACE|CONNECT) /],
  ['(1) any token is a method; node:http behind us knows a list of them, and refuses the rest itself', /^(?:get|HELLO) /],
  ['(2) bytes above 0x7f go on in targets; node:http behind us refuses them itself', /^\S+ \S*[\x80-\xff]/],
  ['(5) Host: one, valid, in HTTP/1.1', /^[^\n]*HTTP\/1\.[01]\r\n(?!Host: ?\t?(?:app|\[::1\])(?::\d*)?\t?\r\n(?!host))/i],
  ['(5) a second Host', /\r\nHost:[^\n]*\r\nHost:/i],
  ['(8) codings other than chunked; node:http leaves them to the app', /\r\nTransfer-Encoding: *(?:[\w, ]*,) ?chunked\r\n/],
  ['(8) space around a value is no part of it (RFC 9110 §5.5); llhttp refuses some', /\r\nTransfer-Encoding:[ \t]*chunked[ \t]*\r\n/],
  ['(8) Transfer-Encoding in HTTP/1.0', /HTTP\/1\.0\r\n[^]*Transfer-Encoding/],
  ['(7) sixteen digits are enough for any length', /Content-Length: 0{10,}/],
  ['(9) thirteen digits are enough for any chunk', /\r\n\r\n0{10,}/],
  ['(9) extensions are thrown away unread; llhttp wants them well formed', /\r\n\r\n5;/],
  ['(9) what trailers say about framing is dropped; llhttp refuses it', /0\r\n(?:Content-Length|Transfer-Encoding):/],
  ['(22) after a 417 the connection ends, because the body may come all the same', /\r\nExpect:/],
  ['(24) an Upgrade that is not understood is left out; node:http stops reading HTTP after it', /\r\nUpgrade:/],
  ['(2) a line that ends in CR or LF alone, an empty one too', /^[\r\n]\S/],
  ['(18) Proxy-Connection says nothing about this connection', /\r\nProxy-Connection:/],
  ['(1) more than two empty lines', /^\r\n\r\n\r\n/],
]

describe('node:http as a second opinion', () => {
  let behind: Witness
  let alone: Witness
  let rig: Rig
  beforeAll(async () => {
    behind = await startWitness()
    alone = await startWitness()
    rig = await startRig(behind.port, { limits: { lingerMs: 50, headTimeoutMs: 300, bodyTimeoutMs: 300, continueTimeoutMs: 50, halfClosedMs: 200 } })
  })
  afterAll(async () => {
    await rig.close()
    for (const { server } of [behind, alone]) {
      server.close()
      server.closeAllConnections()
    }
  })

  // Bun's node:http has a parser of its own, whose opinion is another.
  it.skipIf(process.versions['bun'] !== undefined)('sees in each trick what the app behind the proxy sees, or the reason is known', async () => {
    const unexplained: string[] = []
    const used = new Set<string>()
    const addressOf = (index: number): string => `127.1.${index >> 7}.${1 + (index & 127)}`
    for (let from = 0; from < tricks.length; from += 50) {
      await Promise.all(tricks.slice(from, from + 50).flatMap(({ text }, index) => [rig.route, alone.port].map((port) => send(port, text, addressOf(from + index)))))
    }
    for (const [index, { name, text }] of tricks.entries()) {
      const [app, direct] = [behind, alone].map(({ seen }) => JSON.stringify(seen.get(addressOf(index)) ?? []))
      if (app === direct) continue
      const [why] = explanations.find(([, has]) => has.test(text)) ?? []
      if (why === undefined) unexplained.push(`${name} ${JSON.stringify(text)}: the app ${app}, node:http ${direct}`)
      else used.add(why)
    }
    expect(unexplained).toEqual([])
    expect(used.size).toBeGreaterThan(8)
  }, 120_000)
})

describe('http-proxy in the same place', () => {
  it('lets a chunked DELETE carry a second request to the app (CVE-2026-29057); the sidecar does not', async () => {
    const text = ['DELETE /x HTTP/1.1', 'Host: app', 'Transfer-Encoding: chunked', '', '25', 'GET /hidden HTTP/1.1\r\nHost: app\r\n\r\n\r\n', '0', '', ''].join('\r\n')
    const [ours, theirs] = [await startWitness(), await startWitness()]
    const rig = await startRig(ours.port)
    const agent = new Agent({ keepAlive: true })
    const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${theirs.port}`, agent })
    // What it does with the second answer is its own affair.
    proxy.on('error', () => undefined)
    const front = createServer((request, response) => proxy.web(request, response))
    await send(rig.route, text)
    await send(await listening(front), text)
    await expect.poll(() => [...theirs.seen.values()].flat().map((each) => each.split(' ')[1])).toContain('/hidden')
    expect(ours.seen.get('127.0.0.1')).toEqual(['DELETE /x "GET /hidden HTTP/1.1\\r\\nHost: app\\r\\n\\r\\n\\r\\n"'])
    await rig.close()
    agent.destroy()
    proxy.close()
    for (const server of [ours.server, theirs.server, front]) {
      server.close()
      server.closeAllConnections()
    }
  })
})
