/** What a comparison does not show: whether memory stays flat for long, and what connections cost. Both are about the sidecar alone. */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Contender } from './contender.ts'
import type { LoadProcess } from './load-process.ts'
import { workloads } from './workloads.ts'

const lookEachSeconds = 10
/** Requests a second over all connections: a third of a core. */
const soakRate = 8000

/** Loads the sidecar with every small workload in turn, and says its memory after each. Lines for people. */
export async function soak(load: LoadProcess, contender: Contender, seconds: number, say: (line: string) => void): Promise<void> {
  const turns = workloads.filter(({ name }) => name !== '1m')
  const began = performance.now()
  let requests = 0
  for (let turn = 0; performance.now() - began < seconds * 1000; turn += 1) {
    const workload = turns[turn % turns.length]
    if (workload === undefined) return
    const rate = workload.connectsAnew ? soakRate / 8 : soakRate
    const answer = await load.run({ kind: 'open', port: contender.port, workload, seconds: lookEachSeconds, rate })
    requests += answer.requests
    const elapsed = Math.round((performance.now() - began) / 1000)
    say(`${elapsed} s  ${workload.name.padEnd(8)} ${contender.rssMiB().toFixed(1)} MiB  ${requests} requests  ${answer.errors} errors`)
  }
}

/** Opens `count` connections, sends one request over each, and says what they cost in memory. */
export async function holdConnections(contender: Contender, count: number, say: (line: string) => void): Promise<void> {
  const before = contender.rssMiB()
  const cpuBefore = contender.cpuUs()
  const sockets: Socket[] = []
  // By hundreds: a backlog is finite.
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: Math.min(100, count - sockets.length) }, () => openAndAsk(contender.port)))))
  const cpuMs = (contender.cpuUs() - cpuBefore) / 1000
  await pause(2000)
  const after = contender.rssMiB()
  const idleBefore = contender.cpuUs()
  await pause(5000)
  const idlePercent = (contender.cpuUs() - idleBefore) / 50_000
  say(`${count} connections: ${before.toFixed(1)} → ${after.toFixed(1)} MiB, ${(((after - before) * 1024) / count).toFixed(2)} KiB each; opened with ${cpuMs.toFixed(0)} ms of CPU; idle they take ${idlePercent.toFixed(1)} % of a core`)
  for (const socket of sockets) socket.destroy()
}

function openAndAsk(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('connect', () => socket.write('GET /small HTTP/1.1\r\nHost: shop.example\r\n\r\n'))
    socket.once('data', () => resolve(socket))
    socket.on('error', reject)
  })
}
