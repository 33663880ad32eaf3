import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A server of HTTP/1.1 that accepts nobody until it is told to: the kernel's queue for it is full, so that it drops whoever comes. */
export interface DeafServer {
  readonly port: number
  /** Accepts from now on, and answers everybody with 200. */
  hear(): void
  close(): void
}

/** By Node.js whatever runs the tests: Bun's queues have room for 512, whatever they are asked for. It stands still until it is told a byte. */
const node = new URL('../../../node_modules/.bin/node', import.meta.url).pathname
const program = `
const server = require('node:http').createServer((_request, response) => response.end('ok'))
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  const { readSync, writeSync } = require('node:fs')
  writeSync(1, String(server.address().port))
  readSync(0, Buffer.alloc(1))
})
`

export async function startDeafServer(): Promise<DeafServer> {
  const process = spawn(node, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [text] = (await once(process.stdout, 'data')) as [Buffer]
  const port = Number(text.toString())
  const crowd: Socket[] = []
  // A queue of one takes two; more than that are never connected.
  for (let count = 0; count < 4; count += 1) crowd.push(connect(port, '127.0.0.1').on('error', () => undefined))
  await Promise.all(crowd.slice(0, 2).map((socket) => new Promise((resolve) => void (socket.connecting ? socket.once('connect', resolve) : resolve(undefined)))))
  const leave = (): void => {
    for (const socket of crowd.splice(0)) socket.destroy()
  }
  return {
    port,
    hear: () => {
      leave()
      process.stdin.write('.')
    },
    close: () => {
      leave()
      process.kill()
    },
  }
}
