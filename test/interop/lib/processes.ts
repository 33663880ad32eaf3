import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program in the background that listens on a port. */
export interface Service {
  readonly port: number
  readonly pid: number
  /** Everything it has printed. */
  output(): string
  hasExited(): boolean
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

/**
 * Below those that the kernel gives to whoever asks for any, so that nobody takes it before its program listens: the answers of a
 * server that did would be taken for the program's. Processes of the tests begin far from each other.
 */
let nextPort = 10_000 + ((process.pid * 97) % 22_000)

/** A port that is free, and is given to nobody else. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort
    nextPort = port < 32_000 ? port + 1 : 10_000
    if (await canListen(port)) return port
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer()
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!isListening) return false
  server.close()
  await once(server, 'close')
  return true
}

/** Starts a program and waits until it accepts connections on `port`. */
export async function startService(program: string, args: readonly string[], port: number, env: NodeJS.ProcessEnv = process.env): Promise<Service> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(new Error(`${program} does not run: test/interop/install.sh gets it`, { cause })))
  })
  for (let round = 0; !(await accepts(port)); round += 1) {
    if (hasExited() || round > 600) throw new Error(`${program} does not listen on ${port}: ${output}`)
    await sleep(50)
  }
  return { port, pid: child.pid ?? 0, output: () => output, hasExited, signal: (name) => child.kill(name), stop: () => stop(child, hasExited) }
}

async function stop(child: ChildProcess, hasExited: () => boolean): Promise<void> {
  if (hasExited()) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(timer)
}

/** Whether somebody listens on the port. */
function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
