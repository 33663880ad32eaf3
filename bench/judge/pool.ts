import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** Spreads jobs over as many threads as there are cores; each thread loads `file` again, where `serveJobs` answers. */
export async function inParallel<Job, Result>(file: string, jobs: readonly Job[], onResult: (result: Result, done: number) => void): Promise<void> {
  const waiting = [...jobs]
  let done = 0
  await Promise.all(
    Array.from({ length: Math.min(jobs.length, availableParallelism()) }, async () => {
      const worker = new Worker(file)
      try {
        for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) onResult(await answer<Result>(worker, job), ++done)
      } finally {
        await worker.terminate()
      }
    }),
  )
}

const answer = <Result>(worker: Worker, job: unknown): Promise<Result> =>
  new Promise((resolve, reject) => {
    worker.removeAllListeners()
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.postMessage(job)
  })

/** In a thread: answers jobs, and says that this is a thread. */
export function serveJobs<Job, Result>(run: (job: Job) => Result): boolean {
  if (isMainThread) return false
  parentPort?.on('message', (job: Job) => parentPort?.postMessage(run(job)))
  return true
}
