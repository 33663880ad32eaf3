import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A server of HTTP/1.1 that accepts nobody until it is told to: the kernel's queue for it is full, so that it drops whoever comes. */
export interface DeafServer {
  readonly port: number
  /** Accepts from now on, and answers everybody with 200. */
  hear(): void
  close(): Promise<void>
}

const program = `
const { parentPort, workerData } = require('node:worker_threads')
const server = require('node:http').createServer((_request, response) => response.end('ok'))
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(workerData, 0, 0)
})
`

export async function startDeafServer(): Promise<DeafServer> {
  const ear = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(program, { eval: true, workerData: ear })
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const crowd: Socket[] = []
  // A queue of one takes two; more than that are never connected.
  for (let count = 0; count < 4; count += 1) crowd.push(connect(port, '127.0.0.1').on('error', () => undefined))
  await Promise.all(crowd.slice(0, 2).map((socket) => new Promise((resolve) => void (socket.connecting ? socket.once('connect', resolve) : resolve(undefined)))))
  const hear = (): void => {
    for (const socket of crowd.splice(0)) socket.destroy()
    Atomics.store(ear, 0, 1)
    Atomics.notify(ear, 0)
  }
  return {
    port,
    hear,
    close: async () => {
      hear()
      await worker.terminate()
    },
  }
}
