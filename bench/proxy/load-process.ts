/** The load process as the one who steers sees it. */
import { fork, type ChildProcess } from 'node:child_process'
import type { Answer, Order, Ready } from './load/messages.ts'

export interface LoadProcess {
  /** Where the app of the primary and that of the canary listen. */
  readonly ports: Ready
  run(order: Order): Promise<Answer>
  stop(): void
}

/** Forks it; it inherits the core of this process. */
export async function startLoad(): Promise<LoadProcess> {
  const child = fork(new URL('load/worker.ts', import.meta.url), { stdio: 'inherit' })
  const ports = await next<Ready>(child)
  return {
    ports,
    run: (order) => {
      const answer = next<Answer>(child)
      child.send(order)
      return answer
    },
    stop: () => child.disconnect(),
  }
}

function next<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the load process ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Message)
    })
  })
}
